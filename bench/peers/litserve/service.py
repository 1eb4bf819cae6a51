"""`hello` in LitServe: POST /predict, with JSON in and out."""

import sys

import litserve


class Hello(litserve.LitAPI):
    def setup(self, device: str) -> None:
        pass

    def decode_request(self, request: dict[str, str]) -> str:
        return request["input"]

    def predict(self, x: str) -> str:
        return "hello " + x

    def encode_response(self, output: str) -> dict[str, str]:
        return {"output": output}


if __name__ == "__main__":
    # One worker with one HTTP server before it. fast_queue is its faster transport between the two;
    # at "warning" the HTTP server writes no line per request.
    server = litserve.LitServer(Hello(), accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
    )
