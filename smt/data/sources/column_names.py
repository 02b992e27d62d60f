"""What the name of a column tells: whom it describes, and whether it is a label, time or list."""

import re

from smt.data.columns import Side

USER = {"user", "uid", "member", "visitor", "viewer", "gender", "sex", "age", "occupation", "zip"}
ITEM = {
    *("item", "video", "movie", "news", "ad", "adgroup", "article", "product", "goods", "asin"),
    *("sku", "author", "music", "song", "tag", "tags", "genre", "genres", "cate", "category"),
    *("brand", "campaign", "creative", "photo", "upload", "book", "advertiser", "price", "shop"),
    *("customer", "iid", "title"),
}
CONTEXT = {
    *("site", "app", "device", "page", "banner", "hour", "day", "daytime", "week", "weekday"),
    *("weather", "city", "country", "session", "query", "tab", "surface", "os", "network"),
}
PERSON = re.compile(r"(user|uid|member|visitor)s?[_ ]?(id)?", re.IGNORECASE)
LABELS = {
    *("click", "clicked", "clk", "label", "target", "like", "liked", "dislike", "hate", "follow"),
    *("share", "forward", "comment", "buy", "bought", "purchase", "purchased", "conversion"),
    *("converted", "cart", "fav", "favorite", "favourite", "install", "attributed", "download"),
    *("view", "enter", "subscribe", "collect", "save", "finish", "order", "y", "watched", "skip"),
}
RATING = re.compile(r"ratings?|stars|overall", re.IGNORECASE)
ACTION = re.compile(r"(behaviou?r|action|event|interaction)([_ ]?type)?|btag", re.IGNORECASE)
OUTCOME = re.compile(
    r"(play(ing)?|watch(ing|ed)?|stay|dwell|view(ing)?|read(ing)?)_?(time|duration|seconds|sec|ms)",
    re.IGNORECASE,
)
AMOUNT_EARNED = re.compile(
    r"((order|purchase|conversion|cart|basket|checkout)_(value|amount|price|revenue)|revenue|gmv)",
    re.IGNORECASE,
)
TIMES = ("timestamp", "ts", "time", "unixtime", "datetime", "date", "dt", "hour", "day")
"""Words of columns of times, those that are the finest first."""
SURFACES = {"tab", "page", "placement", "surface", "slot", "scene", "scenario", "pos", "position"}
PLACES = re.compile(r"pid", re.IGNORECASE)
HISTORY = {"hist", "history", "seq", "sequence", "clicked", "past", "recent", "viewed", "bought"}
LIST = {*HISTORY, "list", "tags", "genres", "categories", "keywords", "ids", "cates"}
ID = {
    *("id", "ids", "uid", "iid", "type", "code", "cate", "category", "brand", "campaign", "tag"),
    *("customer", "user", "item", "gender", "occupation", "zip", "zipcode", "weekday", "city"),
    *("country", "level", "segid", "asin", "sku", "device", "os", "model", "domain", "ip"),
}
AMOUNT = {
    *("count", "cnt", "num", "price", "amount", "cost", "duration", "length", "width", "height"),
    *("rate", "ratio", "avg", "mean", "score", "ms", "seconds", "days", "size", "value", "income"),
}
WEIGHT = re.compile(r"(sample|row|example)?_?weights?", re.IGNORECASE)
PROPENSITY = re.compile(r"propensity(_score)?", re.IGNORECASE)
INDEX = re.compile(r"(Unnamed: ?\d+|__index_level_\d+__|index|_c0|)")
ANONYMOUS_ID = re.compile(r"C\d+")
ANONYMOUS_NUMBER = re.compile(r"I\d+")


def words(name: str) -> list[str]:
    """The words of a name such as `user_id`, `userId` or `userid`, in lower case."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)
    return [word for part in parts for word in _without_id(part.lower())]


def _without_id(word: str) -> list[str]:
    stem = word.removesuffix("id")
    return [stem, "id"] if stem != word and stem in USER | ITEM | CONTEXT else [word]


def side_of(name: str) -> Side:
    """Whom a column describes, by the first word that tells."""
    told = (word for word in words(name) if word in USER | ITEM | CONTEXT)
    word = next(told, None)
    return "user" if word in USER else "item" if word in ITEM else "context"


def is_time(name: str) -> bool:
    """Whether a column may hold the times of its rows."""
    return time_rank(name) < len(TIMES)


def time_rank(name: str) -> int:
    """Smaller for a name that rather is the timestamp; the number of `TIMES` for no time."""
    present = "".join(words(name)) if "_" not in name else None
    known = {*words(name), present, *(["timestamp"] if {"time", "stamp"} <= {*words(name)} else [])}
    ranks = [rank for rank, word in enumerate(TIMES) if word in known]
    return min(ranks, default=len(TIMES))


def tells(name: str, known: set[str]) -> bool:
    """Whether one of the name's words is known."""
    return not known.isdisjoint(words(name))
