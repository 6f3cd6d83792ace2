"""What the image takes a Content-Type for, of a channel and of a request alike (its data_utils.get_content_type)."""

from localcloud.xgboost_image.errors import UserError

CSV, LIBSVM = "csv", "libsvm"
_TEXT_CSV = "text/csv"
_FORMATS = {
    CSV: CSV,
    LIBSVM: LIBSVM,
    "parquet": "parquet",
    "recordio-protobuf": "recordio-protobuf",
    _TEXT_CSV: CSV,
    "text/libsvm": LIBSVM,
    "text/x-libsvm": LIBSVM,
    "application/x-parquet": "parquet",
    "application/x-recordio-protobuf": "recordio-protobuf",
}


def data_format(content_type: str | None) -> str:
    """Return csv, libsvm, parquet or recordio-protobuf; nothing given is libsvm. Raises UserError for anything else.

    Only text/csv may have parameters, of which label_size must be 1.
    """
    if content_type is None:
        return LIBSVM
    lowered = content_type.lower()
    media_type, *parameters = (part.strip() for part in lowered.split(";"))
    if CSV in lowered and media_type == _TEXT_CSV:
        _check_label_size(content_type, parameters)
        return CSV
    if lowered not in _FORMATS:
        raise UserError(f"{content_type} is not an accepted ContentType: {', '.join(_FORMATS)}.")
    return _FORMATS[lowered]


def _check_label_size(content_type: str, parameters: list[str]) -> None:
    """The last one given counts."""
    pairs = [parameter.partition("=") for parameter in parameters]
    sizes = [value.strip() for name, _, value in pairs if name.strip() == "label_size"]
    if sizes and sizes[-1] != "1":
        raise UserError(
            f"{content_type} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1"
        )
