"""`hello` as a runtime of MLServer: POST /v2/models/hello/infer, with the V2 protocol's tensors."""

from typing import List

from mlserver import MLModel
from mlserver.codecs import decode_args


class Hello(MLModel):
    # MLServer finds codecs by these types, and knows `List` only.
    @decode_args
    async def predict(self, input: List[str]) -> List[str]:
        return ["hello " + each for each in input]
