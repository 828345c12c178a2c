"""gRPC's settings of servers and channels, as measured; each says why."""

from seedmill.serving.addresses import Address, UnixPath

MESSAGE_BYTES = 64 * 2**20
LONGEST_CALL_SECONDS = 3600

_Options = list[tuple[str, int | str]]

_BOTH: _Options = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    # A peer whose machine is gone says nothing; a ping that is not answered ends the connection.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
]


def server_options(address: Address) -> _Options:
    """For `grpc.aio.server`."""
    options = [
        *_BOTH,
        # Two servers on one port by accident would share the calls.
        ("grpc.so_reuseport", 0),
        # Must be below the keepalive of clients, else their pings end the connection (GOAWAY too_many_pings).
        ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
        # By default calls are dropped at random from 1,000 waiting ones on, as CANCELLED. Queues are ours to bound.
        ("grpc.server.max_pending_requests", 100_000),
        ("grpc.server.max_pending_requests_hard_limit", 100_000),
    ]
    if isinstance(address, UnixPath):
        return options
    return [
        *options,
        # Clients look for new replicas only when a connection ends, so connections end; calls are let finish.
        ("grpc.max_connection_age_ms", 300_000),
        ("grpc.max_connection_age_grace_ms", LONGEST_CALL_SECONDS * 1000),
    ]


def channel_options(address: Address) -> _Options:
    """For `grpc.aio.insecure_channel`."""
    options = [
        *_BOTH,
        # A service that was restarted is found within seconds; gRPC's own pauses grow to two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 1_000),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        # Services are reached directly, whatever proxy the environment names for the outer world.
        ("grpc.enable_http_proxy", 0),
        # Retries are the pipeline's: it knows what was durable.
        ("grpc.enable_retries", 0),
        # Two sets of channels in one process share no connection and no back-off.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if isinstance(address, UnixPath):
        return options
    return [
        *options,
        # Turns are `Channels`' affair: a channel stays with one replica, for operations live in one.
        ("grpc.lb_policy_name", "pick_first"),
        ("grpc.dns_min_time_between_resolutions_ms", 10_000),
    ]
