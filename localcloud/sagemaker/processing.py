"""Processing jobs, of which there are none here: the local cloud has no images for them."""

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.listing import page
from localcloud.sagemaker.service import Call, Request, Response, everything, named, operation

_by_name = named("processing-job", "ProcessingJobName")


@operation("CreateProcessingJob", arn=_by_name)
def create_processing_job(call: Call, request: Request) -> Response:
    raise ValidationError(
        "The local cloud runs no processing containers yet, so there is no CreateProcessingJob here; it runs training, "
        "tuning and transform jobs, and endpoints."
    )


@operation("ListProcessingJobs", arn=everything)
def list_processing_jobs(call: Call, request: Request) -> Response:
    return page([], request, "ProcessingJobSummaries", lambda job: job.description)


@operation("DescribeProcessingJob", arn=_by_name)
@operation("StopProcessingJob", arn=_by_name)
@operation("DeleteProcessingJob", arn=_by_name)
def refuse_missing(call: Call, request: Request) -> Response:
    """AWS says ValidationException here, though its model has ResourceNotFound."""
    raise ValidationError(f"Could not find requested job with name: {request['ProcessingJobName']}")
