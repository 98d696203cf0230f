"""Which items are held out: decided by a hash of the task and the item, so that every run agrees.

A held-out item is never in training output. Generators draw items until one is on the side that is asked for.
"""
import hashlib

SHARE = 6  # percent of all items


def is_held_out(kind, *item):
    text = "\0".join([kind, *map(str, item)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") % 100 < SHARE


class Side:
    """Training or held-out. Counts nothing and keeps nothing, but for the items it let through when `log` is a list."""

    def __init__(self, held_out, log=None):
        self.held_out = held_out
        self.log = log

    def allows(self, kind, *item):
        if is_held_out(kind, *item) != self.held_out:
            return False
        if self.log is not None:
            self.log.append((kind, *map(str, item)))
        return True

    def draw(self, kind, make, key=lambda item: item):
        """make() until its item is on this side."""
        for _ in range(10000):
            item = make()
            parts = key(item)
            if self.allows(kind, *(parts if isinstance(parts, tuple) else (parts,))):
                return item
        raise RuntimeError(f"{kind}: no item on this side")


TRAINING = Side(False)
