"""scikit-learn's protocol without scikit-learn."""

import subprocess
import sys

import pytest
from eckart.base.estimator import Estimator


class Model(Estimator):
    def __init__(self, rank=8, *, reg=0.1, name=None):
        self.rank = rank
        self.reg = reg
        self.name = name

    def fit(self):
        return self


class Child(Model):
    def __init__(self, *, extra=1):
        super().__init__()
        self.extra = extra


def test_parameters():
    """get_params gives back the very objects; set_params refuses what it does not know."""
    marker = object()
    model = Model(3, reg=marker)
    assert model.get_params() == {"rank": 3, "reg": marker, "name": None}
    assert model.get_params(deep=False)["reg"] is marker
    assert model.set_params(rank=4, name="x") is model
    assert (model.rank, model.name) == (4, "x")
    with pytest.raises(ValueError, match=r"'rnak' for estimator Model\. .*'name', 'rank', 'reg'"):
        model.set_params(rnak=4)
    assert set(Child().get_params()) == {"extra"}, "each class has its own constructor"
    assert set(Model().get_params()) == {"rank", "reg", "name"}


def test_repr_shows_what_differs():
    """Short enough for a table, and valid code."""
    assert repr(Model()) == "Model()"
    assert repr(Model(3, name="a")) == "Model(rank=3, name='a')"
    assert vars(eval(repr(Model(3, reg=(1, 2))))) == vars(Model(3, reg=(1, 2)))
    assert len(repr(Model(name="x" * 5000))) == 700


def test_fitted_means_learned():
    """Attributes ending in an underscore are what fit sets; private ones do not count."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    model = Model()
    model._private_ = 1
    with pytest.raises(NotFittedError, match="This Model instance is not fitted yet"):
        model._check_fitted()
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    model.factors_ = 1
    model._check_fitted()
    check_is_fitted(model)


def test_tags_and_clone():
    """What scikit-learn asks when it calls."""
    from sklearn.base import clone
    from sklearn.utils import get_tags

    assert get_tags(Model()).target_tags.required is False
    assert clone(Model(5)).rank == 5


def test_sklearn_is_not_imported():
    """It costs a second, which `eckart recommend` must not pay."""
    code = "import sys, eckart.completion as c; c.ALS; print(sorted({m.split('.')[0] for m in sys.modules}))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    modules = output.splitlines()[-1]
    for heavy in ("sklearn", "scipy", "pandas", "polars", "rich"):
        assert f"'{heavy}'" not in modules
