"""What the API tells of a language (spec.md 4.2)."""

from dataclasses import dataclass

# Names of the generation with environments, in paths; algorithms say theirs in their settings.
_ALIASES = {"python3": "python3-1"}


@dataclass(frozen=True, slots=True)
class Language:
    """`requirement_files` name dependencies; `artifact` is the folder that a runner gets."""

    name: str
    display_name: str
    requirement_files: tuple[str, ...]
    artifact: str

    @property
    def configuration(self) -> dict[str, object]:
        """As clients find it, in JSON text."""
        return {
            "display_name": self.display_name,
            "req_files": list(self.requirement_files),
            "artifacts": [{"source": self.artifact, "destination": self.artifact}],
        }


_LANGUAGES = {
    each.name: each
    for each in (Language("python3-1", "Python 3", ("requirements.txt",), "/opt/algorithm"),)
}


def language_of(name: str) -> Language:
    """Of an environment's language; a new one belongs into this module."""
    return _LANGUAGES[name]


def offered_languages() -> list[Language]:
    """Those that environments can be for."""
    return list(_LANGUAGES.values())


def canonical_language(name: str) -> str:
    """The name that environments know the language by."""
    return _ALIASES.get(name, name)
