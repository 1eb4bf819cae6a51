"""How an algorithm is called by the clients of the protocol, as text to copy.

The platform keeps keys as digests and can show none, so that each text names API_KEY.
"""

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass

import orjson

KEY = "API_KEY"
# A longer sample would hide the call in it.
_LONGEST_INPUT = 200
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Call:
    """What is called: its address and path, and an input as JSON or, if it is none, as text."""

    address: str
    path: str
    json: str | None
    text: str

    @property
    def quoted(self) -> str:
        """The text as most languages write it."""
        return json.dumps(self.text)

    @property
    def quoted_json(self) -> str:
        return json.dumps(self.json)


@dataclass(frozen=True, slots=True)
class Snippet:
    """One client: how it is installed, and the call."""

    name: str
    label: str
    install: str
    write: Callable[[Call], str]


def call_of(address: str, path: str, sample: str) -> Call:
    """With the sample input, if there is one that is short."""
    if not sample or len(sample) > _LONGEST_INPUT:
        sample = "YOUR INPUT"
    try:
        value = orjson.loads(sample)
    except orjson.JSONDecodeError:
        return Call(address, path, None, sample)
    if isinstance(value, str):
        return Call(address, path, None, value)
    return Call(address, path, orjson.dumps(value).decode(), sample)


def _curl(call: Call) -> str:
    kind, body = ("application/json", call.json) if call.json else ("text/plain", call.text)
    return (
        f"curl '{call.address}/v1/algo/{call.path}?timeout={_SECONDS}' \\\n"
        f"  -H 'Authorization: Simple {KEY}' \\\n"
        f"  -H 'Content-Type: {kind}' \\\n"
        f"  --data-binary {shlex.quote(body)}"
    )


def _python(call: Call) -> str:
    value = repr(call.text if call.json is None else orjson.loads(call.json))
    return (
        "import Algorithmia\n\n"
        f'client = Algorithmia.client("{KEY}", "{call.address}")\n'
        f'algo = client.algo("{call.path}").set_options(timeout={_SECONDS})\n'
        f"print(algo.pipe({value}).result)"
    )


def _javascript(call: Call) -> str:
    return (
        'const algorithmia = require("algorithmia");\n\n'
        f'const client = algorithmia.client("{KEY}", "{call.address}");\n'
        f'client.algo("{call.path}?timeout={_SECONDS}")\n'
        f"  .pipe({call.json or call.quoted})\n"
        "  .then(response => console.log(response.get()));"
    )


def _r(call: Call) -> str:
    pipe = f"pipeJson({call.quoted_json})" if call.json else f"pipe({call.quoted})"
    return (
        "library(algorithmia)\n\n"
        f'client <- getAlgorithmiaClient("{KEY}", "{call.address}")\n'
        f'algo <- client$algo("{call.path}")\n'
        f"algo$setOptions(timeout={_SECONDS})\n"
        f"print(algo${pipe}$result)"
    )


def _java(call: Call) -> str:
    pipe = f"pipeJson({call.quoted_json})" if call.json else f"pipe({call.quoted})"
    return (
        "import com.algorithmia.*;\n"
        "import com.algorithmia.algo.*;\n\n"
        f'AlgorithmiaClient client = Algorithmia.client("{KEY}", "{call.address}");\n'
        f'Algorithm algo = client.algo("{call.path}");\n'
        f"AlgoResponse response = algo.{pipe};\n"
        "System.out.println(response.asJsonString());"
    )


def _ruby(call: Call) -> str:
    # A text in double quotes would be asked for `#{}` in it.
    escaped = (call.json or call.text).replace("\\", "\\\\").replace("'", "\\'")
    return (
        "require 'algorithmia'\n\n"
        f"client = Algorithmia.client('{KEY}', '{call.address}')\n"
        f"algo = client.algo('{call.path}').set(timeout: {_SECONDS})\n"
        f"puts algo.{'pipe_json' if call.json else 'pipe'}('{escaped}').result"
    )


def _go(call: Call) -> str:
    value = f"json.RawMessage({call.quoted_json})" if call.json else call.quoted
    imports = '\t"encoding/json"\n' if call.json else ""
    return (
        f'import (\n{imports}\t"fmt"\n\n'
        '\talgorithmia "github.com/algorithmiaio/algorithmia-go"\n)\n\n'
        f'client := algorithmia.NewClient("{KEY}", "{call.address}")\n'
        f'algo, _ := client.Algo("{call.path}")\n'
        f"response, _ := algo.Pipe({value})\n"
        "fmt.Println(response.(*algorithmia.AlgoResponse).Result)"
    )


def _rust(call: Call) -> str:
    pipe = f"pipe_json({call.quoted_json})" if call.json else f"pipe({call.quoted})"
    return (
        "use algorithmia::Algorithmia;\n\n"
        f'let client = Algorithmia::client_with_url("{KEY}", "{call.address}")?;\n'
        f'let algo = client.algo("{call.path}");\n'
        f'println!("{{:?}}", algo.{pipe}?);'
    )


SNIPPETS = (
    Snippet("curl", "curl", "", _curl),
    Snippet("python", "Python", "pip install algorithmia", _python),
    Snippet("javascript", "JavaScript", "npm install algorithmia", _javascript),
    Snippet("r", "R", 'install.packages("algorithmia")', _r),
    Snippet(
        "java",
        "Java",
        "<dependency>\n  <groupId>com.algorithmia</groupId>\n"
        "  <artifactId>algorithmia-client</artifactId>\n  <version>[1.1,)</version>\n</dependency>",
        _java,
    ),
    Snippet("ruby", "Ruby", "gem install algorithmia", _ruby),
    Snippet("go", "Go", "go get github.com/algorithmiaio/algorithmia-go", _go),
    Snippet("rust", "Rust", "cargo add algorithmia@3.0.0-beta.3", _rust),
)


def snippet_named(name: str) -> Snippet:
    """The one of this name, or the first."""
    return next((each for each in SNIPPETS if each.name == name), SNIPPETS[0])
