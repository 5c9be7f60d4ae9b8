"""The contracts as people read them: everything in the image by its full name, with its comment."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from google.protobuf import descriptor_pb2

from gateway.contract import PACKAGE_ROOT

Message = descriptor_pb2.DescriptorProto
Field = descriptor_pb2.FieldDescriptorProto
Enum = descriptor_pb2.EnumDescriptorProto

_PARAGRAPH = re.compile(r"\n\s*\n")
_FIRST_SENTENCE = re.compile(r".*?[.](?=\s|$)", re.DOTALL)

Place = tuple[int, ...]
"""Where something stands in a file, as source_code_info says it: field numbers of descriptor.proto and indices."""
Found = tuple[str, Any, Place]

# What each kind of descriptor holds, by the name and the number of the field that holds it.
_HOLDS: Mapping[type[Any], tuple[tuple[str, int], ...]] = {
    descriptor_pb2.FileDescriptorProto: (("message_type", 4), ("enum_type", 5), ("service", 6)),
    Message: (("field", 2), ("nested_type", 3), ("enum_type", 4)),
    Enum: (("value", 2),),
    descriptor_pb2.ServiceDescriptorProto: (("method", 2),),
}


@dataclass(frozen=True)
class Described:
    """An image with its comments. An enum's values are named below the enum (`….Order.State.STATE_DRAFT`)."""

    files: descriptor_pb2.FileDescriptorSet

    @classmethod
    def read(cls, image: bytes) -> "Described":
        """Parse an image."""
        return cls(descriptor_pb2.FileDescriptorSet.FromString(image))

    @cached_property
    def _everything(self) -> Mapping[str, tuple[Any, str]]:
        return {
            name: (descriptor, comments.get(place, ""))
            for file in self.files.file
            for comments in (_comments(file),)
            for name, descriptor, place in _within(file.package, file, ())
        }

    @property
    def methods(self) -> list[str]:
        """Every RPC, in the order in which the contracts tell of them."""
        methods = descriptor_pb2.MethodDescriptorProto
        return [name for name, (descriptor, _) in self._everything.items() if isinstance(descriptor, methods)]

    def message(self, name: str) -> Message:
        """Find a message."""
        found: Message = self._everything[name.removeprefix(".")][0]
        return found

    def enum(self, name: str) -> Enum:
        """Find an enum."""
        found: Enum = self._everything[name.removeprefix(".")][0]
        return found

    def is_enum(self, name: str) -> bool:
        """Tell an enum from a message."""
        return isinstance(self._everything[name.removeprefix(".")][0], Enum)

    def comment(self, name: str) -> str:
        """What stands above something in its source, without its line breaks; empty where nothing does."""
        comment = self._everything[name.removeprefix(".")][1]
        # Others explain themselves at length, with pictures in text; what they mean comes first.
        return comment if name.removeprefix(".").startswith(f"{PACKAGE_ROOT}.") else first_sentence(comment)


def _within(scope: str, holder: object, place: Place) -> Iterator[Found]:
    for held, number in _HOLDS.get(type(holder), ()):
        for index, each in enumerate(getattr(holder, held)):
            name, here = f"{scope}.{each.name}", (*place, number, index)
            yield name, each, here
            yield from _within(name, each, here)


def _comments(file: descriptor_pb2.FileDescriptorProto) -> Mapping[Place, str]:
    return {
        tuple(location.path): _unwrapped(location.leading_comments)
        for location in file.source_code_info.location
        if location.leading_comments
    }


def _unwrapped(comment: str) -> str:
    """Undo the line breaks of a comment, which stand for nothing; paragraphs stay."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in _PARAGRAPH.split(comment.strip()))


def first_sentence(text: str) -> str:
    """Take the first sentence of a comment; all of it where it has no end."""
    found = _FIRST_SENTENCE.match(text)
    return found[0] if found else text
