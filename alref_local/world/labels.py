"""What the drawn world's sounds are called in AudioSet's ontology."""

from __future__ import annotations

from typing import Final

SOUND_LABELS: Final[dict[str, tuple[str, ...]]] = {
    "dog": ("Bark", "Dog", "Domestic animals, pets", "Animal"),
    "cat": ("Meow", "Cat", "Domestic animals, pets", "Animal"),
    "bird": ("Chirp, tweet", "Bird", "Wild animals", "Animal"),
    "frog": ("Croak", "Frog", "Wild animals", "Animal"),
    "car": ("Car", "Motor vehicle (road)", "Vehicle"),
    "train": ("Train horn", "Train", "Rail transport", "Vehicle"),
    "boat": ("Ship", "Boat, Water vehicle", "Vehicle"),
    "plane": ("Aircraft", "Fixed-wing aircraft, airplane", "Vehicle"),
    "drum": ("Drum", "Percussion", "Musical instrument", "Music"),
    "bell": ("Bell", "Church bell"),
    "guitar": ("Guitar", "Plucked string instrument", "Musical instrument", "Music"),
    "clock": ("Tick-tock", "Clock", "Tick"),
}
"""AudioSet display names of each class that sounds: its own first, then synonyms, then parents. Others are silent."""
