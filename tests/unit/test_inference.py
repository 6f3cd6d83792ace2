import json
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.unit.synthetic_transactions import LESSON, transactions
from training_code.inference import BadRequest, UnsupportedType, input_fn, model_fn, output_fn, predict_fn

pytestmark = pytest.mark.filterwarnings("ignore:.*UBJSON:UserWarning")  # the model's name has no extension, on AWS too

ROWS = transactions(600, seed=1)
FEATURES = ROWS.iloc[:, 1:]
REQUEST = FEATURES.to_csv(header=False, index=False)


@pytest.fixture(scope="module")
def trained() -> xgb.Booster:
    return xgb.train(LESSON, xgb.DMatrix(FEATURES.to_numpy(), label=ROWS["label"]), num_boost_round=20)


@pytest.fixture(scope="module")
def model(trained: xgb.Booster, tmp_path_factory: pytest.TempPathFactory) -> xgb.Booster:
    folder = tmp_path_factory.mktemp("model")
    trained.save_model(Path(folder) / "xgboost-model")
    return model_fn(str(folder))


def test_a_request_is_answered_with_the_models_probabilities_in_the_order_of_its_rows(
    trained: xgb.Booster, model: xgb.Booster
) -> None:
    answer, content_type = output_fn(predict_fn(input_fn(REQUEST, "text/csv"), model), "text/csv")

    assert content_type == "text/csv"
    assert answer.endswith("\n")
    given_back = np.array(answer.splitlines(), dtype=np.float32)
    assert np.array_equal(given_back, trained.predict(xgb.DMatrix(FEATURES.to_numpy())))


def test_bytes_are_read_as_text_is() -> None:
    assert np.array_equal(input_fn(REQUEST.encode(), "text/csv; charset=utf-8"), input_fn(REQUEST, "text/csv"))


@given(arrays.arrays(np.float32, (3, 4), elements=st.floats(width=32, allow_nan=False)))
def test_every_number_is_read_as_it_is_written(rows: np.ndarray) -> None:
    text = "\n".join(",".join(str(value) for value in row) for row in rows)

    assert np.array_equal(input_fn(text, "text/csv"), rows)


def test_an_empty_field_is_a_missing_value() -> None:
    rows = input_fn("1.5,,2\n", "text/csv")

    assert np.array_equal(rows, np.array([[1.5, np.nan, 2]], dtype=np.float32), equal_nan=True)


def test_json_is_answered_to_those_who_want_it() -> None:
    answer, content_type = output_fn(np.array([0.25, 0.5], dtype=np.float32), "application/json")

    assert content_type == "application/json"
    assert json.loads(answer) == {"predictions": [{"score": 0.25}, {"score": 0.5}]}


@pytest.mark.parametrize("accept", ["*/*", "", "text/csv; charset=utf-8"])
def test_csv_is_answered_to_those_who_do_not_care(accept: str) -> None:
    assert output_fn(np.array([0.25, 0.5], dtype=np.float32), accept) == ("0.25\n0.5\n", "text/csv")


def test_a_content_type_other_than_csv_is_refused() -> None:
    with pytest.raises(UnsupportedType, match="the content type is 'application/json'; allowed is text/csv"):
        input_fn("{}", "application/json")


def test_an_answer_in_an_unknown_type_is_refused() -> None:
    with pytest.raises(UnsupportedType, match="'text/html'; allowed are text/csv and application/json"):
        output_fn(np.array([0.5]), "text/html")


@pytest.mark.parametrize(
    ("request_body", "problem"),
    [
        ("", "the request has no rows"),
        ("1,2\n3,secret\n", "row 2, column 2 is not a number"),
        ("1,2\n3\n", "row 2 has 1 fields, but row 1 has 2"),
    ],
)
def test_a_bad_request_is_refused_without_quoting_its_values(request_body: str, problem: str) -> None:
    with pytest.raises(BadRequest, match=problem) as caught:
        input_fn(request_body, "text/csv")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("columns", [3, 5])
def test_rows_of_another_width_than_the_models_are_refused(model: xgb.Booster, columns: int) -> None:
    with pytest.raises(
        BadRequest, match=f"the rows have {columns} features, but the model takes 4; leave out the label"
    ):
        predict_fn(np.zeros((2, columns), dtype=np.float32), model)
