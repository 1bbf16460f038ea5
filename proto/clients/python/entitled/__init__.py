"""entitled: may this customer use this much of that?

    import entitled

    with entitled.Client() as client:
        try:
            answer = client.check("tenant-7", "seats", 10)
        except entitled.Error as error:
            ...  # no answer: serve or not as your business wants; error.retryable
        else:
            if answer.allow:
                ...  # serve

Client blocks, AsyncClient is for asyncio; both ask the checkers of a suite, or answer from a file for
the tests of an application.
"""
from ._async_client import AsyncClient
from ._client import Client
from ._errors import (Aws, BadFile, BadRequest, Cancelled, Conflict, Error, Internal, NotFound,
                      NotReady, Throttled, Timeout, Unavailable, UnknownMethod)
from ._messages import (Answer, Counting, Description, Entitlement, Entitlements, Evidence,
                        HeldEntitlement, Holding, Notice, Override, OverrideAction, Peer, Policy,
                        ProductPage, Question, Reason, State, Subscription)
from ._tally import Counts
from ._version import VERSION

__version__ = VERSION

__all__ = [
    "Answer", "AsyncClient", "Aws", "BadFile", "BadRequest", "Cancelled", "Client", "Conflict",
    "Counting", "Counts", "Description", "Entitlement", "Entitlements", "Error", "Evidence",
    "HeldEntitlement", "Holding", "Internal", "NotFound", "NotReady", "Notice", "Override",
    "OverrideAction", "Peer", "Policy", "ProductPage", "Question", "Reason", "State",
    "Subscription", "Throttled", "Timeout", "Unavailable", "UnknownMethod",
]
