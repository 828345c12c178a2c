"""Ask services how they are: `SERVICE=host:port …`. Exit status 1 unless every one is SERVING within 20 seconds.

With SEEDMILL_TLS, a folder of certificates, it asks as who these say.
"""

import os
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

WAIT_SECONDS = 20
SERVING = health_pb2.HealthCheckResponse.SERVING


def connect(service, address):
    folder = os.environ.get("SEEDMILL_TLS")
    if not folder:
        return grpc.insecure_channel(address)
    files = []
    for name in ("ca.crt", "tls.key", "tls.crt"):
        with open(os.path.join(folder, name), "rb") as file:
            files.append(file.read())
    # seedmill.v1alpha1.SeedingService -> seeding.seedmill.internal
    name = service.rpartition(".")[2].removesuffix("Service").lower()
    options = [("grpc.ssl_target_name_override", f"{name}.seedmill.internal")]
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(*files), options)


def state(service, address):
    with connect(service, address) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=WAIT_SECONDS, wait_for_ready=True)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
    return "SERVING" if answer.status == SERVING else "NOT_SERVING"


def main(arguments):
    states = [(argument, state(*argument.split("=", 1))) for argument in arguments]
    for argument, found in states:
        sys.stdout.write(f"{argument} {found}\n")
    return 0 if all(found == "SERVING" for _, found in states) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
