from Algorithmia import ADK


def apply(input):
    return "hello {}".format(input)


algorithm = ADK(apply)
algorithm.init("Algorithmia")
