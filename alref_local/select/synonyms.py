"""Which names mean the same thing: by their form alone ("dogs", "Dog barking", "a dog"), with no thesaurus."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

__all__ = ["forms", "merged"]

_ARTICLES = {"a", "an", "the", "some"}
_SOUNDS = {"sound", "sounds", "noise", "noises"}
_IRREGULAR = {"men": "man", "children": "child", "people": "person", "geese": "goose", "mice": "mouse"} | {
    "oxen": "ox",
    "emus": "emu",
    "erhus": "erhu",
    "gnus": "gnu",
}
_PLURALS = tuple(
    (re.compile(ending), single)
    for ending, single in (
        (r"(?<=\w{3})s$", ""),
        (r"(?:(?<=[sxzo])|(?<=[cs]h))es$", ""),
        (r"ies$", "y"),
        (r"ves$", "f"),
        (r"ves$", "fe"),
        (r"men$", "man"),
    )
)
"""What may be a plural, and of what: whether "axes" are of an axe or an ax is left open."""
_NO_PLURAL = re.compile(r"(?:ss|us|is|^(?:alias|atlas|bias|canvas|christmas|gas|pancreas|texas))$")
_DOING = re.compile(r"\w{3,}ing$")
_THINGS = {
    *("awning", "building", "ceiling", "clothing", "earring"),
    *("lightning", "painting", "railing", "spring", "string"),
    *("duckling", "gosling", "herring", "lemming", "nestling", "sibling", "starling", "viking"),
}
"""Nouns that look as if something were done."""


def merged(names: Iterable[str]) -> dict[str, str]:
    """Each name -> the shortest name that means the same, as far as the form tells.

    Case, an article in front, the plural of the last word, and an event at the end ("dog barking", "engine noise") make
    no difference. "Dog" and "bark" stay two things: that they are one is for the backend to say.
    """
    groups: list[tuple[frozenset[str], list[str]]] = []
    names = list(dict.fromkeys(names))
    for name in names:
        mine = forms(name)
        met = [group for group in groups if group[0] & mine]
        groups = [group for group in groups if group not in met]
        groups.append((mine.union(*(some for some, _ in met)), [*chain(*(group for _, group in met)), name]))
    shortest = {name: min(group, key=len) for _, group in groups for name in group}
    return {name: shortest[name] for name in names}


def forms(name: str) -> frozenset[str]:
    """What may be left of a name when case, article, plural and event are gone; names of one thing share a form."""
    words = re.sub(r"[\s_-]+", " ", name.casefold()).split()
    if len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    while len(words) > 1 and _is_event(words[-1]):
        words = words[:-1]
    if not words:
        return frozenset({""})
    return frozenset(" ".join([*words[:-1], last]) for last in _singulars(words[-1]))


def _is_event(word: str) -> bool:
    return word in _SOUNDS or (word not in _THINGS and bool(_DOING.match(word)))


def _singulars(word: str) -> set[str]:
    """The word itself, and all that it may be a plural of."""
    if word in _IRREGULAR:
        return {_IRREGULAR[word]}
    if _NO_PLURAL.search(word):
        return {word}
    return {word} | {ending.sub(single, word) for ending, single in _PLURALS}
