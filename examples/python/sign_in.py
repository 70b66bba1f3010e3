"""Signs a user in over gRPC, locks the user, and shows why the next sign-in and the next lock are refused.

Generate the stubs as docs/clients.md says and put their folder on PYTHONPATH. Then, with a key of the role operator:
LOCKKEEPER_ADDRESS=127.0.0.1:8080 LOCKKEEPER_KEY=lk_… python3 sign_in.py alice
"""
import os
import sys
import uuid

import grpc
from google.rpc import error_details_pb2, status_pb2
from lockkeeper.resource.v1 import factor_pb2
from lockkeeper.signin.v1 import sign_in_service_pb2 as sign_in
from lockkeeper.signin.v1 import sign_in_service_pb2_grpc as sign_in_grpc
from lockkeeper.user.v1 import user_service_pb2 as user
from lockkeeper.user.v1 import user_service_pb2_grpc as user_grpc

CALL = {"metadata": [("authorization", "Bearer " + os.environ["LOCKKEEPER_KEY"])], "timeout": 10}


def attempt(gate, user_id, verify):
    """Asks the gate before the credential is verified, and reports the outcome. Only `allowed is True` lets a person in."""
    attempt_id = str(uuid.uuid4())
    begun = gate.BeginAttempt(
        sign_in.BeginAttemptRequest(
            attempt_id=attempt_id,
            subject=sign_in.Subject(user_id=user_id),
            factor=factor_pb2.FACTOR_PASSWORD,
        ),
        **CALL,
    )
    if not begun.admitted:
        return begun.decision
    outcome = sign_in.ATTEMPT_OUTCOME_SUCCEEDED if verify() else sign_in.ATTEMPT_OUTCOME_FAILED
    return gate.CompleteAttempt(sign_in.CompleteAttemptRequest(attempt_id=attempt_id, outcome=outcome), **CALL).decision


def reason_of(error):
    """The reason of a refusal: the one word of an error to decide by."""
    status = status_pb2.Status.FromString(dict(error.trailing_metadata()).get("grpc-status-details-bin", b""))
    info = error_details_pb2.ErrorInfo()
    return next((info.reason for detail in status.details if detail.Unpack(info)), None)


# For TLS: grpc.secure_channel(address, grpc.ssl_channel_credentials())
with grpc.insecure_channel(os.environ["LOCKKEEPER_ADDRESS"]) as channel:
    users, gate = user_grpc.UserServiceStub(channel), sign_in_grpc.SignInServiceStub(channel)
    for _ in range(2):
        decision = attempt(gate, sys.argv[1], verify=lambda: True)
        print("allowed:", decision.allowed, decision.text)
        try:
            users.LockUser(user.LockUserRequest(user_id=sys.argv[1], reason_code="EXAMPLE"), **CALL)
        except grpc.RpcError as error:
            print("refused:", reason_of(error))
