from . import __ALGO__


def test_apply():
    assert __ALGO__.apply("you") == "hello you"
