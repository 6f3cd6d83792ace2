"""The errors that SageMaker answers with."""


class ServiceError(Exception):
    """An error as the service sends it: `code` is what clients match on."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class ValidationError(ServiceError):
    """The request breaks a rule of the service, or names something that is not there."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class ResourceNotFound(ServiceError):
    def __init__(self, message: str = "Requested resource not found.") -> None:
        super().__init__("ResourceNotFound", message)


class ResourceInUse(ServiceError):
    def __init__(self, message: str) -> None:
        super().__init__("ResourceInUse", message)


class ResourceLimitExceeded(ServiceError):
    def __init__(self, message: str) -> None:
        super().__init__("ResourceLimitExceeded", message)


class AccessDenied(ServiceError):
    def __init__(self, message: str) -> None:
        super().__init__("AccessDeniedException", message)
