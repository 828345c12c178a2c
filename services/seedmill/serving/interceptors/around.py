"""One shape for all interceptors: an async context manager around a call, whatever kind of call it is."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

import grpc

OUR_METHODS = "/seedmill."


class Around(grpc.aio.ServerInterceptor):
    """Puts `around(method, kind, context)` about every call that concerns it: those of our own services."""

    @abstractmethod
    def around(
        self, method: str, kind: str, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AbstractAsyncContextManager[None]:
        """What is done about a call: `method` is `/package.Service/Method`, `kind` its `grpc_type` in Prometheus."""

    def concerns(self, method: str) -> bool:
        """Whether calls of this method are wrapped."""
        return method.startswith(OUR_METHODS)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The handler with `around` about it."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not self.concerns(method):
            return handler
        return self._wrapped(method, handler)

    def _wrapped(self, method: str, handler: Any) -> Any:
        coders = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary or handler.stream_unary:
            kind = "unary" if handler.unary_unary else "client_stream"
            answer = handler.unary_unary or handler.stream_unary

            async def unary(request: Any, context: Any) -> Any:
                async with self.around(method, kind, context):
                    return await answer(request, context)

            make = grpc.unary_unary_rpc_method_handler if handler.unary_unary else grpc.stream_unary_rpc_method_handler
            return make(unary, **coders)

        kind = "server_stream" if handler.unary_stream else "bidi_stream"
        answers = handler.unary_stream or handler.stream_stream

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            async with self.around(method, kind, context), aclosing(answers(request, context)) as responses:
                async for response in responses:
                    yield response

        make = grpc.unary_stream_rpc_method_handler if handler.unary_stream else grpc.stream_stream_rpc_method_handler
        return make(stream, **coders)


def final_code(context: Any, error: BaseException | None) -> grpc.StatusCode:
    """The status code a call ends with, as far as the server can know."""
    if error is None:
        return grpc.StatusCode.OK
    if isinstance(error, grpc.aio.AbortError):
        return context.code() or grpc.StatusCode.UNKNOWN
    if isinstance(error, Exception):
        return grpc.StatusCode.UNKNOWN
    remaining = context.time_remaining()
    late = remaining is not None and remaining <= 0
    return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED
