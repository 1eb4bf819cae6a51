"""`hello` as a BentoML service: POST /hello, with JSON in and out."""

import bentoml


# One worker (the default). Of what every request costs, the access log and the metrics are left
# out, and a coroutine needs no change of threads.
@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Hello:
    @bentoml.api
    async def hello(self, input: str) -> str:
        return "hello " + input
