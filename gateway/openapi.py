"""The edge in OpenAPI 3.1, made from the contracts: what is annotated for REST, and all that is said about it.

Nothing here is written per RPC but the examples (`examples.yaml`): operations and parameters come of
`google.api.http`, words of the comments, bounds of `buf.validate`, failures of the sentences in which an RPC's comment
names them (`CODE / REASON: when`).
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from buf.validate import validate_pb2

from gateway import failures
from gateway.contract import Binding, ContractError, Rpc, read_image, read_rpcs
from gateway.described import Described, Field, first_sentence
from gateway.schemas import WELL_KNOWN, Schema, Schemas

OPENAPI = "3.1.1"

_EXAMPLES = Path(__file__).with_name("examples.yaml")
_RAW = "google.api.HttpBody"
_BYTES, _JSON, _EVENTS = "application/octet-stream", "application/json", "text/event-stream"
_VARIABLE = re.compile(r"\{(?P<field>[\w.]+)=(?P<pattern>[^{}]+)\}")

_ABOUT = """\
Orders for spectacle lenses, from a draft to the shipped pair.

- **Sign in** with a bearer token, `authorization: Bearer …`. A person's token belongs to one practice.
- **JSON** is protobuf's: field names in camelCase (snake_case is read as well), 64-bit integers as text, enums by name,
  `null` is absent. Measures have two decimals at most (`x-decimal-places`). A field that the contract does not know,
  one that is there twice, and what only looks like JSON are refused: no misspelt prism is dropped. What is read-only
  (`readOnly`), or outside an `updateMask`, may be sent along and changes nothing.
- **Errors** have one shape. Branch on the `reason` in `details[0]`, not on the status. Fields are named by their path
  in the contract's own spelling (`distance_pd`): from the request on in a `BadRequest` (`order.prescription.…`), from
  the order on in the lab's violations. An unknown field has no such name and is told as it was sent.
- **Retry** a write with the `requestId` it had, and it is done once.
- **Watches** are server-sent events. Each message carries a `cursor` that resumes exactly after it. A stream that stops
  without `end` or `error` was cut: call again with the last cursor.
"""


def document(image: bytes, version: str) -> dict[str, Any]:
    """Describe the edge.

    Args:
        image: the contracts, with comments.
        version: of the product.

    Raises:
        ContractError: an operation has no example, or two messages would share a name.
    """
    described = Described.read(image)
    rpcs = {f"{rpc.service}.{rpc.method}": rpc for rpc in read_rpcs(read_image(image))}
    told = [rpcs[name] for name in described.methods if name in rpcs]
    served = [(rpc, binding) for rpc in told for binding in rpc.bindings]
    schemas = Schemas(described, sent=(rpc.request for rpc, _ in served))
    meanings = failures.reasons(described)
    examples = yaml.safe_load(_EXAMPLES.read_text())
    paths: dict[str, dict[str, Any]] = {}
    for rpc, binding in served:
        if rpc.method not in examples:
            raise ContractError(f"{rpc.path} has no example in {_EXAMPLES.name}; show how it is called")
        operation = Operation(described, schemas, meanings, rpc, binding, examples[rpc.method])
        paths.setdefault(operation.path, {})[binding.verb.lower()] = operation.written()
    return {
        "openapi": OPENAPI,
        "info": {"title": "Lensmesh", "version": version, "description": _ABOUT},
        "servers": [{"url": "/", "description": "The edge that served this page."}],
        "security": [{"token": []}],
        "tags": [
            {"name": _last(service), "description": described.comment(service)}
            for service in sorted({rpc.service for rpc, _ in served})
        ],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": dict(sorted({**failures.components(schemas, meanings), **schemas.components}.items())),
        },
    }


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to call an RPC."""

    described: Described
    schemas: Schemas
    meanings: Mapping[str, str]
    rpc: Rpc
    binding: Binding
    example: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The path, with a parameter for each variable segment (`/v1/practices/{practice}/orders/{order}:submit`)."""
        return _VARIABLE.sub(lambda variable: _with_parameters(variable["pattern"]), self.binding.template)

    def written(self) -> dict[str, Any]:
        """The operation as the document holds it."""
        comment = self.described.comment(f"{self.rpc.service}.{self.rpc.method}")
        words, own_failures = failures.split_comment(comment)
        summary, description = _summary(words)
        body = self._body()
        return {
            "operationId": self.rpc.method,
            "tags": [_last(self.rpc.service)],
            "summary": summary,
            "description": "\n\n".join(part for part in (description, self._policy()) if part),
            "parameters": [*self._path_parameters(), *self._query_parameters()],
            **({"requestBody": body} if body else {}),
            "responses": {
                "200": self._answer(),
                **failures.responses(own_failures, self.meanings, has_body=bool(body)),
            },
            **({"security": []} if self.rpc.policy.public else {}),
        }

    def _policy(self) -> str:
        policy = self.rpc.policy
        roles = ", ".join(role.removeprefix("ROLE_").lower().replace("_", " ") for role in policy.roles)
        limit = f" Takes at most {policy.deadline.total_seconds():g} seconds." if policy.deadline else ""
        return f"For: {'anybody' if policy.public else roles}.{limit}"

    def _path_parameters(self) -> Iterator[dict[str, Any]]:
        for variable in _VARIABLE.finditer(self.binding.template):
            patterns = _segment_patterns(self._field(variable["field"]), variable["pattern"])
            for name, pattern in zip(_parameters(variable["pattern"]), patterns, strict=True):
                yield {
                    "name": name,
                    "in": "path",
                    "required": True,
                    "description": f"Id of the {name}.",
                    "schema": {"type": "string", **({"pattern": f"^{pattern}$"} if pattern else {})},
                    "example": self.example["path"][name],
                }

    def _query_parameters(self) -> Iterator[dict[str, Any]]:
        if self.binding.body == "*":
            return
        examples = self.example.get("query", {})
        taken = {*_path_fields(self.binding.template), self.binding.body}
        for name, holder, field in self._leaves(self.rpc.request, "", "", taken):
            schema = self.schemas.field(holder, field)
            yield {
                "name": name,
                "in": "query",
                "description": schema.pop("description"),
                "schema": schema,
                **({"example": examples[name]} if name in examples else {}),
            }

    def _leaves(self, holder: str, name: str, path: str, taken: set[str]) -> Iterator[tuple[str, str, Field]]:
        """Yield the fields that only a query can set: the name there, the message that holds it, the field."""
        for field in self.described.message(holder).field:
            here, kind = f"{path}{field.name}", field.type_name.removeprefix(".")
            if here in taken:
                continue
            if field.type != Field.TYPE_MESSAGE or kind in WELL_KNOWN:
                yield f"{name}{field.json_name}", holder, field
            elif field.label != Field.LABEL_REPEATED:
                yield from self._leaves(kind, f"{name}{field.json_name}.", f"{here}.", taken)

    def _body(self) -> dict[str, Any] | None:
        match self.binding.body:
            case "":
                return None
            case "*":
                whole = self.schemas.message(self.rpc.request, without=_path_fields(self.binding.template))
                return self._content(_JSON, whole, whole.pop("description"), required="required" in whole)
            case name:
                words, kind = self.described.comment(f"{self.rpc.request}.{name}"), self._field(name).type_name
                if kind == f".{_RAW}":
                    return self._content(_BYTES, {"type": "string", "contentMediaType": _BYTES}, words)
                return self._content(_JSON, self.schemas.reference(kind), words)

    def _content(self, media_type: str, schema: Schema, words: str, *, required: bool = True) -> dict[str, Any]:
        content = {media_type: {"schema": schema, "example": self.example["body"]}}
        return {"description": words, "required": required, "content": content}

    def _answer(self) -> dict[str, Any]:
        example = self.example["answer"]
        what = first_sentence(self.described.comment(self.rpc.response))
        if self.rpc.response == _RAW:
            kind = self.example["kind"]
            raw = {"type": "string", "contentMediaType": kind}
            return {"description": "The document.", "content": {kind: {"schema": raw, "example": example}}}
        reference = self.schemas.reference(self.rpc.response)
        if not self.rpc.server_streaming:
            return {"description": what, "content": {_JSON: {"schema": reference, "example": example}}}
        message = {"type": "string", "contentMediaType": _JSON, "contentSchema": reference}
        words = f"Server-sent events. What follows `data: ` in each is one message in JSON. {what}"
        return {"description": words, "content": {_EVENTS: {"schema": message, "example": example}}}

    def _field(self, dotted: str) -> Field:
        """Find a field of the request by its path."""
        holder, *rest = self.rpc.request, *dotted.split(".")
        for name in rest:
            field = next(each for each in self.described.message(holder).field if each.name == name)
            holder = field.type_name
        return field


def _summary(words: str) -> tuple[str, str]:
    """Split a comment into what fits a line of contents, and the rest, in which a sentence that is cut stays whole."""
    sentence = first_sentence(words)
    short, colon, _ = sentence.partition(": ")
    return short.removesuffix("."), words if colon else words.removeprefix(sentence).strip()


def _path_fields(template: str) -> list[str]:
    return [variable["field"] for variable in _VARIABLE.finditer(template)]


def _parameters(pattern: str) -> list[str]:
    """Name the variable segments of a resource's pattern after their collections (`practices/*` → `practice`)."""
    collections = pattern.split("/")[::2]
    return [collection.removesuffix("s") for collection in collections]


def _with_parameters(pattern: str) -> str:
    names = iter(_parameters(pattern))
    return "/".join(f"{{{next(names)}}}" if segment == "*" else segment for segment in pattern.split("/"))


def _segment_patterns(field: Field, pattern: str) -> list[str]:
    """Cut the regular expression of a resource name into those of its ids; empty where the contract says none."""
    whole = field.options.Extensions[validate_pb2.field].string.pattern.removeprefix("^").removesuffix("$")
    segments = re.sub(r"^\((.*)\)\?$", r"\1", whole).split("/")
    wanted = pattern.split("/")
    return segments[1::2] if len(segments) == len(wanted) else [""] * (len(wanted) // 2)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def main(image: str, project: str, target: str) -> None:
    """Write the document of an image.

    Args:
        image: file of the contracts.
        project: the pyproject.toml that says the version.
        target: file to write.
    """
    version = tomllib.loads(Path(project).read_text())["project"]["version"]
    written = json.dumps(document(Path(image).read_bytes(), version), indent=1, ensure_ascii=False)
    Path(target).write_text(f"{written}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
