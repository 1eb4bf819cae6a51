"""Root file systems of environments, made from this machine's own Python and libraries."""

import fcntl
import hashlib
import importlib.metadata
import os
import re
import shutil
import ssl
import subprocess
import sys
import sysconfig
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from algoport.containers.errors import EnvironmentBuildFailed

_FORMAT = "2"
_PROGRAMS = """
    sh bash cat chmod cp cut date dirname basename echo env expr false find grep gzip gunzip
    head id ln ls mkdir mktemp mv nproc printf pwd readlink rm rmdir sed sleep sort stat
    tail tar tee test touch tr true uname uniq wc which xargs
"""
# Loaded by name at run time, so that no program's list of libraries has them.
_LIBRARIES = """
    libnss_files.so.2 libnss_dns.so.2 libresolv.so.2 libgcc_s.so.1 libstdc++.so.6 libm.so.6
    libdl.so.2 libpthread.so.0 librt.so.1 libutil.so.1 libgomp.so.1
"""
_LEFT_OUT = ("test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "__pycache__")
# Debian's Python brings one of its own, which would be found before ours.
_LEFT_OUT_FILES = ("sitecustomize.py", "*.a")
_USERS = "root:x:0:0:root:/root:/usr/sbin/nologin\nalgo:x:1000:1000:algo:/tmp:/bin/sh\n"
_GROUPS = "root:x:0:\nalgo:x:1000:\n"
_HOSTS = "127.0.0.1 localhost algorithm\n::1 localhost\n"


def build_environment(parent: Path, name: str, requirements: Path) -> Path:
    """The environment's root file system, named by all that went into it; built when missing.

    `requirements` are pinned packages that every algorithm finds; the folder `site` beside them
    goes into site-packages. Raises EnvironmentBuildFailed.
    """
    final = root_folder(parent, name, requirements)
    if final.exists():
        return final
    parent.mkdir(parents=True, exist_ok=True)
    with _locked(parent / f".{name}.lock"):
        if final.exists():
            return final
        draft = parent / f".{final.name}-{uuid.uuid4().hex[:8]}"
        try:
            _fill(draft, requirements, requirements.parent / "site")
            draft.rename(final)
        finally:
            if draft.exists():
                shutil.rmtree(draft)
    return final


def root_folder(parent: Path, name: str, requirements: Path) -> Path:
    """Where the environment's root file system is, or will be."""
    return parent / f"{name}-{_fingerprint(requirements, requirements.parent / 'site')}"


def _fingerprint(requirements: Path, site: Path) -> str:
    digest = hashlib.sha256(f"{_FORMAT} {sys.version}".encode())
    for path in (requirements, *sorted(site.rglob("*.py"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _fill(root: Path, requirements: Path, site: Path) -> None:
    for folder in ("usr/bin", "usr/sbin", "usr/local/bin", "usr/lib", "etc/ssl/certs"):
        (root / folder).mkdir(parents=True)
    packages = _copy_python(root)
    binaries = [
        Path(path)
        for name in _PROGRAMS.split()
        if (path := shutil.which(name, path="/usr/bin:/bin"))
    ]
    for binary in binaries:
        shutil.copyfile(binary, root / "usr/bin" / binary.name)
        (root / "usr/bin" / binary.name).chmod(0o755)
    modules = list((root / "usr/local").rglob("*.so*"))
    _copy_libraries(root, [*binaries, Path(sys.executable).resolve(), *modules])
    _write_etc(root)
    _install_packages(packages, requirements)
    for module in site.rglob("*.py"):
        shutil.copyfile(module, packages / module.relative_to(site))
    _compile(root)
    for folder, _, _ in os.walk(root):
        os.chmod(folder, 0o755)


def _copy_python(root: Path) -> Path:
    """Copy this interpreter to usr/local; returns its site-packages."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = root / "usr/local/lib" / version
    ignored = shutil.ignore_patterns(
        *_LEFT_OUT, *_LEFT_OUT_FILES, "site-packages", "dist-packages", "config-*"
    )
    shutil.copytree(
        sysconfig.get_path("stdlib", vars={"base": sys.base_prefix}), library, ignore=ignored
    )
    packages = library / "site-packages"
    packages.mkdir()
    # The name under which Debian's Python looks for the same.
    (library / "dist-packages").symlink_to(packages.name)
    binary = root / "usr/local/bin" / version
    shutil.copyfile(Path(sys.executable).resolve(), binary)
    binary.chmod(0o755)
    for alias in ("python3", "python"):
        (binary.parent / alias).symlink_to(version)
    shared = Path(sys.base_prefix) / "lib"
    for library_file in shared.glob("libpython3*.so*"):
        shutil.copyfile(library_file, root / "usr/local/lib" / library_file.name)
    return packages


def _copy_libraries(root: Path, binaries: Iterable[Path]) -> None:
    """Copy what the binaries are linked to, and the loader, to where they look for it."""
    wanted: set[Path] = set()
    for binary in binaries:
        done = subprocess.run(["ldd", str(binary)], capture_output=True, text=True)
        wanted.update(Path(path) for path in re.findall(r"(?:=> )?(/\S+) \(0x", done.stdout))
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True)
    for line in known.stdout.splitlines():
        library, _, path = line.strip().partition(" => ")
        if library.partition(" ")[0] in _LIBRARIES.split() and _same_architecture(library):
            wanted.add(Path(path))
    for found in wanted:
        inside = Path(os.path.realpath(found.parent)) / found.name
        relative = str(inside).lstrip("/")
        if not relative.startswith("usr/"):
            # A library from elsewhere (a private build of Python): the loader finds it here.
            relative = f"usr/lib/{found.name}"
        target = root / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copyfile(found, target)
            target.chmod(0o755)
    (root / "usr/lib64").mkdir(exist_ok=True)


def _same_architecture(line: str) -> bool:
    return "x86-64" in line or "AArch64" in line


def _write_etc(root: Path) -> None:
    etc = root / "etc"
    (etc / "passwd").write_text(_USERS)
    (etc / "group").write_text(_GROUPS)
    (etc / "hosts").write_text(_HOSTS)
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    bundle = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    candidates = (bundle, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
    found = next((Path(path) for path in candidates if path and Path(path).exists()), None)
    if found is None:
        raise EnvironmentBuildFailed("this machine has no bundle of CA certificates")
    shutil.copyfile(found, etc / "ssl/certs/ca-certificates.crt")
    (etc / "ssl/cert.pem").symlink_to("certs/ca-certificates.crt")
    zones = Path("/usr/share/zoneinfo")
    if zones.is_dir():
        shutil.copytree(zones, root / "usr/share/zoneinfo", symlinks=True)


def _install_packages(packages: Path, requirements: Path) -> None:
    """Packages for every algorithm, and pip for builds, by this machine's own pip."""
    base = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    target = ["--target", str(packages), "--no-compile", "--no-warn-conflicts"]
    wanted = ["-r", str(requirements), f"pip=={_pip_version()}", "setuptools", "wheel"]
    done = subprocess.run([*base, *target, *wanted], capture_output=True, text=True)
    if done.returncode != 0:
        raise EnvironmentBuildFailed(
            f"pip could not install the environment:\n{done.stderr[-4000:]}"
        )


def _pip_version() -> str:
    return importlib.metadata.version("pip")


def _compile(root: Path) -> None:
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    library = root / "usr/local/lib"
    # The path in the byte code is the one inside; -s strips what is in front of it here.
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "-j", "0", "-s", str(root), str(library)],
        env=environ,
        stdout=subprocess.DEVNULL,
        check=False,  # Some packages carry files for other versions of Python.
    )
