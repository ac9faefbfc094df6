"""Which names mean the same thing: by their form alone ("dogs", "Dog barking", "a dog"), with no thesaurus."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["form", "merged"]

_ARTICLES = {"a", "an", "the", "some"}
_SOUNDS = {"sound", "sounds", "noise", "noises"}
_IRREGULAR = {"men": "man", "women": "woman", "children": "child", "people": "person", "geese": "goose"} | {
    "mice": "mouse",
    "oxen": "ox",
    "wolves": "wolf",
    "knives": "knife",
}
_ENDINGS = (("ies", "y"), ("ses", "s"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", ""))
_NO_PLURAL = re.compile(r"(?:ss|us|is|as)$")
_DOING = re.compile(r"\w{3,}ing$")


def merged(names: Iterable[str]) -> dict[str, str]:
    """Each name -> the shortest name that means the same, as far as the form tells.

    Case, an article in front, the plural of the last word, and an event at the end ("dog barking", "engine noise") make
    no difference. "Dog" and "bark" stay two things: that they are one is for the backend to say.
    """
    groups: dict[str, list[str]] = {}
    names = list(dict.fromkeys(names))
    for name in names:
        groups.setdefault(form(name), []).append(name)
    return {name: min(groups[form(name)], key=len) for name in names}


def form(name: str) -> str:
    """What is left of a name when case, article, plural and event are gone; equal for names of one thing."""
    words = re.sub(r"[\s_-]+", " ", name.casefold()).split()
    if len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    while len(words) > 1 and (words[-1] in _SOUNDS or _DOING.match(words[-1])):
        words = words[:-1]
    return " ".join([*words[:-1], *map(_singular, words[-1:])])


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 3 and not _NO_PLURAL.search(word):
        for ending, single in _ENDINGS:
            if word.endswith(ending):
                return word.removesuffix(ending) + single
    return word
