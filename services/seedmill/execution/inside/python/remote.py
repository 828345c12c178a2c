"""Calls between the tests' process (T) and the solution's (S), over one socket, each serving the other while it waits.

An object that is no plain data is *lent*: the owner keeps it in a table and sends its number with a description of its
class; the other side works with a mirror (`mirrors`). One request at a time is under way; while it waits for the answer
a side serves requests of the peer, so that the solution may call a function the tests handed to it. Arguments that the
peer changed in place come back with the answer.

What a peer may do with lent objects is decided by a policy: T may do everything with S's objects; what S may do with
T's is a short list (`lending`).
"""

import os
import struct
from _thread import RLock

from .classes import describe
from .exceptions import EXCEPTION_MODULES, library_exception, rebuild, text_of
from .plain import BUILTIN_FUNCTIONS, BUILTIN_NAMES, BUILTIN_TYPES, FUNCTION_NAMES
from .wire import MAX_FRAME_BYTES, Decoder, Encoder, NotPlain, OwnObject, WireError, read_exactly


class PeerGone(BaseException):
    """The solution's process ended, or answered nonsense: nothing it says counts any more."""


class Unsupported(Exception):
    """The strict protocol cannot do this; the test that tried is no pass, whatever it does with the exception."""


class Endpoint:
    """One end of the socket. `policy` says what may be lent and what the peer may do; `mirror` makes mirrors."""

    def __init__(self, read_fd, write_fd, policy, mirrors):
        self.read_fd = read_fd
        self.write_fd = write_fd
        self.policy = policy
        self.mirrors = mirrors
        self.lent = {}
        self.numbers = {}
        self.described = set()
        self.borrowed = {}
        self.broken = ""
        self.unsupported = ""
        self.unsupported_by_tests = False
        self.depth = 0
        self.lock = RLock()

    # frames

    def send(self, kind, data, encoder=None):
        if len(data) > MAX_FRAME_BYTES:
            raise NotPlain(f"more than {MAX_FRAME_BYTES >> 20} MiB of data")
        view = memoryview(kind + struct.pack("<I", len(data)) + data)
        while view:
            view = view[os.write(self.write_fd, view) :]
        if encoder is not None:
            self.described |= getattr(encoder, "described", set())

    def receive(self):
        head = read_exactly(self._read, 5)
        if head is None:
            return b"", b""
        size = struct.unpack("<I", head[1:])[0]
        if size > MAX_FRAME_BYTES:
            raise WireError("a message is too large")
        data = read_exactly(self._read, size)
        return (head[:1], data) if data is not None else (b"", b"")

    def _read(self, size):
        return os.read(self.read_fd, size)

    # requests

    def request(self, operation, target=0, name="", args=(), kwargs=None):
        """Ask the peer; returns its answer or raises its exception."""
        if self.broken:
            raise PeerGone(self.broken)
        if not self.policy.may_request(self):
            raise RuntimeError("the tests' objects can be used only while a call of the tests is under way")
        with self.lock:
            encoder = Encoder(self.lend)
            try:
                data = encoder.encode((operation, target, name, tuple(args), kwargs or {}))
                self.send(b"?", data, encoder)
            except NotPlain as error:
                # Only in a call that the tests make: the arguments of a callback are the solution's choice.
                raise self.give_up(str(error), by_tests=isinstance(error, OwnObject) and not self.depth) from None
            except OSError:
                raise self.lost("it ended") from None
            return self._wait(encoder.keep, operation, name)

    def _wait(self, originals, operation, name):
        while True:
            try:
                kind, data = self.receive()
                if kind == b"?":
                    self.answer(data)
                    continue
                if kind not in (b"=", b"!"):
                    raise WireError("it ended")
                decoder = Decoder(data, self.borrow, originals)
                value = decoder.decode()
                for _ in range(decoder.number()):
                    number = decoder.number()
                    if number >= len(originals):
                        raise WireError("an argument that was not sent")
                    decoder.fill(originals[number], 0)
            except (PeerGone, Unsupported):
                raise
            except WireError as error:
                raise self.lost(str(error)) from None
            except Exception as error:
                raise self.lost(f"its answer cannot be read ({type(error).__name__})") from None
            if kind == b"=":
                return value
            raise self.exception(value, iterates=operation == "special" and name == "__next__")

    def lost(self, why):
        self.broken = self.broken or why
        return PeerGone(self.broken)

    def give_up(self, why, by_tests=False):
        """Note what this protocol cannot do. `by_tests`: the solution cannot have brought it about."""
        if not self.unsupported:
            self.unsupported, self.unsupported_by_tests = why, by_tests
        return Unsupported(why)

    # answers

    def answer(self, data):
        """Do what the peer asks and send the result. Raises WireError when the request cannot be read."""
        decoder = Decoder(data, self.borrow)
        try:
            operation, target, name, args, kwargs = decoder.decode()
        except (TypeError, ValueError, RecursionError) as error:
            raise WireError("a request cannot be read") from error
        if problem := self.policy.refusal(decoder.classes):
            raise self.give_up(problem)
        originals = decoder.table
        before = Encoder(self.lend).encode((args, kwargs)) if originals else b""
        self.depth += 1
        try:
            value, kind = self.policy.perform(self, operation, self.lent.get(target), name, args, kwargs), b"="
        except (PeerGone, Unsupported):
            raise
        except BaseException as error:
            value, kind = error, b"!"
        finally:
            self.depth -= 1
        with self.lock:
            self._reply(kind, value, originals, (args, kwargs), before)

    def _reply(self, kind, value, originals, arguments, before):
        encoder = Encoder(self.lend, originals)
        try:
            data = encoder.encode(value) if kind == b"=" else self.encode_exception(value, encoder)
            changed = originals if originals and Encoder(self.lend).encode(arguments) != before else []
            parts = [struct.pack("<I", len(changed))]
            parts += [struct.pack("<I", n) + encoder.contents(each) for n, each in enumerate(changed)]
            self.send(kind, data + b"".join(parts), encoder)
        except NotPlain as error:
            # The frame was refused before a byte was written.
            self.refuse(self.give_up(str(error)))

    def refuse(self, why):
        """Answer that this protocol cannot do what was asked."""
        self.send(b"!", Encoder(self.lend).encode(("refused", str(why), ())) + struct.pack("<I", 0))

    # exceptions

    def encode_exception(self, error, encoder):
        kind = type(error)
        if not isinstance(error, Exception):
            return encoder.encode(("end", kind.__name__, ()))
        if kind in BUILTIN_NAMES:
            image = ("builtin", BUILTIN_NAMES[kind], error.args)
        elif kind.__module__ in EXCEPTION_MODULES:
            image = ("library", f"{kind.__module__}:{kind.__name__}", error.args)
        else:
            image = ("lent", error, error.args)
        try:
            Encoder(self.lend).encode(image)
        except NotPlain:
            image = (image[0], image[1], (text_of(error),))
        return encoder.encode(image)

    def exception(self, image, iterates):
        """The exception to raise here for what the peer sent."""
        how, what, args = image if type(image) is tuple and len(image) == 3 else ("", "", ())
        args = args if type(args) is tuple else ()
        if how == "builtin" or how == "library":
            kind = BUILTIN_TYPES.get(what) if how == "builtin" else library_exception(what)
            if not isinstance(kind, type) or not issubclass(kind, Exception):
                kind = Exception
            if issubclass(kind, (StopIteration, StopAsyncIteration)) and not iterates:
                # Else it would silently end a loop of the tests, and `all(map(f, …))` would be true.
                return self.give_up(f"{kind.__name__} raised by the solution outside of an iterator")
            return rebuild(kind, args)
        if how == "lent" and isinstance(what, Exception):
            if isinstance(what, (StopIteration, StopAsyncIteration)) and not iterates:
                return self.give_up(f"{type(what).__name__} of the solution's, which ends loops")
            BaseException.args.__set__(what, args)
            return what
        if how == "end":
            return self.lost(f"{what} in the solution")
        if how == "refused":
            return self.give_up(str(what)[:200])
        return self.lost("an exception it cannot have raised")

    # handles

    def lend(self, value, encoder):
        """The bytes for a value that is not plain data. Raises NotPlain."""
        number = self.mirrors.number_of(value)
        if number is not None:
            return struct.pack("<cI", b"o", number)
        if id(value) in FUNCTION_NAMES and self.policy.sends_functions:
            return b"G" + encoder_str(FUNCTION_NAMES[id(value)])
        self.policy.check_lend(value)
        if isinstance(value, type):
            return self.class_bytes(value, encoder)
        return struct.pack("<cI", b"h", self.number_for(value)) + self.class_bytes(type(value), encoder)

    def number_for(self, value):
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.lent) + 1
            self.lent[number] = value
        return number

    def class_bytes(self, kind, encoder):
        number = self.number_for(kind)
        now = encoder.__dict__.setdefault("described", set())
        if number in self.described or number in now:
            return struct.pack("<cIB", b"k", number, 0)
        now.add(number)
        out = [struct.pack("<cIB", b"k", number, 1)]
        for part in describe(kind):
            encoder.write(part, out.append, 0)
        return b"".join(out)

    def borrow(self, tag, decoder):
        """What stands here for something of the peer's, or our own object that comes back."""
        if tag == b"o":
            number = decoder.number()
            if number not in self.lent:
                raise WireError("a handle that was never lent")
            return self.lent[number]
        if tag == b"G":
            name = decoder.decode()
            if name not in BUILTIN_FUNCTIONS or self.policy.sends_functions:
                raise WireError("an unknown function")
            return BUILTIN_FUNCTIONS[name]
        if tag == b"k":
            number, described = struct.unpack("<IB", decoder.take(5))
            if described:
                name, bases, dunders, flags = (decoder.decode() for _ in range(4))
                if number not in self.borrowed:
                    self.borrowed[number] = self.mirrors.make_class(self, number, name, bases, dunders, flags)
            kind = self.borrowed.get(number)
            if not isinstance(kind, type):
                raise WireError("a class that was never described")
            return kind
        if tag == b"h":
            number = decoder.number()
            kind = decoder.decode()
            if number not in self.borrowed:
                self.borrowed[number] = self.mirrors.make_instance(kind, number)
            return self.borrowed[number]
        raise WireError("an unknown kind of value")


def encoder_str(text):
    data = text.encode()
    return struct.pack("<cI", b"s", len(data)) + data
