"""Small files in the layouts of public data sets, made up."""

import gzip

import numpy as np

ROWS = 300
STEPS = np.arange(ROWS)
SECONDS = 1_500_000_000 + STEPS


def draw(size, seed):
    return np.random.default_rng(seed).integers(size, size=ROWS)


def text(columns, delimiter=",", header=True):
    names = [delimiter.join(columns)] if header else []
    rows = zip(*columns.values(), strict=True)
    return "\n".join([*names, *(delimiter.join(map(str, row)) for row in rows)]) + "\n"


def lists(ids, seed, delimiter):
    """For each row up to four ids, as one text."""
    rng = np.random.default_rng(seed)
    return [
        delimiter.join(map(str, rng.choice(ids, length))) for length in rng.integers(5, size=ROWS)
    ]


def kuairand():
    columns = {
        "user_id": draw(40, 0),
        "video_id": draw(60, 1),
        "date": [20170714] * ROWS,
        "hourmin": 100 * (STEPS % 24),
        "time_ms": 1000 * SECONDS,
        "is_click": draw(2, 2),
        "is_like": draw(2, 3),
        "long_view": draw(2, 4),
        "play_time_ms": 77 * (STEPS % 90),
        "duration_ms": 5000 + STEPS,
        "is_rand": STEPS % 2,
        "tab": draw(5, 5),
    }
    return "log_standard.csv", text(columns)


def avazu():
    codes = np.array([f"{code:08x}" for code in np.random.default_rng(6).integers(2**32, size=50)])
    columns = {
        "id": 10**18 + STEPS,
        "click": draw(2, 7),
        "hour": 14102100 + STEPS // 13,
        "C1": [1005] * ROWS,
        "banner_pos": draw(2, 8),
        "site_id": codes[draw(20, 9)],
        "site_domain": ["c4e18dd6"] * ROWS,
        "app_id": codes[draw(10, 10)],
        "device_id": ["a99f214a"] * ROWS,
        "device_model": codes[draw(30, 11)],
        "C14": 15700 + draw(90, 12),
        "C20": np.where(STEPS % 2, 100084, -1),
        "C21": draw(90, 13),
    }
    # Published as train.gz, without .csv in its name.
    return "train.gz", gzip.compress(text(columns).encode())


def movielens_1m():
    columns = {"u": 1 + draw(40, 14), "m": 1 + draw(60, 15), "r": 1 + draw(5, 16), "t": SECONDS}
    return "ratings.dat", text(columns, "::", header=False)


def recbole():
    lengths = draw(5, 17)
    times = [
        " ".join(f"{second - 9 + step}.0" for step in range(length))
        for second, length in zip(SECONDS, lengths, strict=True)
    ]
    items = draw(60, 18)
    histories = [" ".join(map(str, items[:length])) for length in lengths]
    columns = {
        "user_id:token": draw(40, 19),
        "item_id:token": items,
        "timestamp:float": [f"{second}.0" for second in SECONDS],
        "item_id_list:token_seq": histories,
        "timestamp_list:float_seq": times,
        "label:float": [f"{label}.0" for label in draw(2, 20)],
    }
    return "made.inter", text(columns, "\t")


def amazon():
    asins = np.array([f"B00{number:07d}" for number in range(60)])
    columns = {
        "user_id": [f"AGKASBHY{number:04d}" for number in draw(40, 21)],
        "parent_asin": asins[draw(60, 22)],
        "rating": [f"{1 + rating}.0" for rating in draw(5, 23)],
        "timestamp": 1000 * SECONDS,
        "history": lists(asins, 24, " "),
    }
    return "Made.train.csv", text(columns)


def taobao():
    items = 1 + draw(60, 25)
    columns = {
        "user": 1 + draw(40, 26),
        "item": items,
        "category": 1 + items % 9,
        "behavior": np.array(["pv", "pv", "cart", "buy"])[draw(4, 27)],
        "time": SECONDS,
    }
    return "UserBehavior.csv", text(columns, header=False)


def frappe():
    contexts = ("daytime", "weekday", "isweekend", "homework", "cost", "weather", "country", "city")
    columns = {"label": draw(2, 28), "user": draw(40, 29), "item": 957 + draw(60, 30)}
    columns |= {name: 5040 + 10 * n + draw(7, n) for n, name in enumerate(contexts)}
    return "train.csv", text(columns)


def ali_display():
    """As FuxiCTR's samples join it."""
    ads = 172_298 + draw(60, 31)
    columns = {
        "clk": draw(2, 32),
        "time_stamp": [f"2017-05-06 00:{step // 60:02d}:{step % 60:02d}" for step in STEPS],
        "userid": 100_000 + 7919 * draw(40, 33),
        "adgroup_id": ads,
        "pid": np.array(["430548_1007", "430539_1007"])[draw(2, 34)],
        "cate_id": 4000 + ads % 8,
        "brand": ["" if step % 5 == 0 else 1 + step % 7 for step in STEPS],
        "price": [f"{ad % 90}.9" for ad in ads],
        "pvalue_level": ["" if level == 0 else level for level in draw(4, 35)],
        "click_sequence": lists(ads, 36, "^"),
    }
    return "train_sample.csv", text(columns)


NO_TIME = {"row_number": {"kind": "timestamp", "unit": "ms"}}
CLUSTER = {"cluster": True, "side": "user"}
LAYOUTS = {
    kuairand: (
        "KuaiRand",
        {},
        {
            "user_id": {"kind": "id", "coding": "number", "num_ids": 48, **CLUSTER},
            "time_ms": {"kind": "timestamp", "unit": "ms"},
            "is_click": {"kind": "event"},
            "duration_ms": {"kind": "numeric"},
            "play_time_ms": {"kind": "value"},
            "tab": {"kind": "surface", "coding": "number", "num_ids": 6},
        },
        ("date", "hourmin"),
    ),
    avazu: (
        "Avazu",
        {},
        {
            "click": {"kind": "event"},
            "hour": {"kind": "timestamp", "unit": "yymmddhh"},
            "banner_pos": {"kind": "surface", "coding": "number", "num_ids": 3},
            "device_model": {"kind": "id", "coding": "hash", "num_ids": 300},
            "C14": {"kind": "id", "coding": "dictionary", "num_ids": 110},
            "C21": {"kind": "id", "coding": "number", "num_ids": 110},
        },
        ("id", "C1", "device_id", "site_domain"),
    ),
    movielens_1m: (
        "MovieLens 1M",
        {},
        {
            "movie_id": {"kind": "id", "coding": "number", "num_ids": 74, "side": "item"},
            "timestamp": {"kind": "timestamp", "unit": "s"},
            "rating_at_least_4": {"kind": "event"},
        },
        ("rating",),
    ),
    recbole: (
        "RecBole",
        {},
        {
            "item_id_list": {
                "kind": "sequence",
                "num_ids": 72,
                "of": "item_id",
                "separator": " ",
                "side": "user",
                "timestamps": "timestamp_list",
                "unit": "s",
            },
            "label": {"kind": "event"},
        },
        ("timestamp_list",),
    ),
    amazon: (
        "Amazon Reviews 2023",
        {},
        {
            "parent_asin": {"kind": "id", "coding": "hash", "num_ids": 600, "side": "item"},
            "timestamp": {"kind": "timestamp", "unit": "ms"},
            "history": {
                "kind": "sequence",
                "num_ids": 600,
                "of": "parent_asin",
                "order": "oldest_first",
                "separator": " ",
                "side": "user",
            },
            "rating_at_least_4": {"kind": "event"},
        },
        ("rating",),
    ),
    taobao: (
        "Taobao UserBehavior",
        {},
        {
            "category_id": {"kind": "id", "coding": "number", "num_ids": 12, "side": "item"},
            "behavior_is_buy": {"kind": "event"},
            "behavior_is_cart": {"kind": "event"},
        },
        ("behavior", "behavior_is_pv"),
    ),
    frappe: (
        "Frappe",
        NO_TIME,
        {
            "label": {"kind": "event"},
            "user": {"kind": "id", "coding": "number", "num_ids": 48, **CLUSTER},
            "weather": {"kind": "id", "coding": "dictionary", "num_ids": 10},
        },
        (),
    ),
    ali_display: (
        "Ali Display_Ad_Click",
        {},
        {
            "clk": {"kind": "event"},
            "time_stamp": {"kind": "timestamp"},
            "userid": {"kind": "id", "coding": "hash", "num_ids": 400, **CLUSTER},
            "pid": {"kind": "surface", "num_ids": 2, "names": ["430539_1007", "430548_1007"]},
            "price": {"kind": "numeric", "side": "item"},
            "click_sequence": {
                "kind": "sequence",
                "num_ids": 600,
                "of": "adgroup_id",
                "order": "oldest_first",
                "side": "user",
            },
        },
        (),
    ),
}


def write(layout, folder):
    name, content = layout()
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def schema_text(layout, draft):
    """The drafted schema with what a person adds where the draft says so."""
    _, added, *_ = LAYOUTS[layout]
    return draft + "".join(f"  {name}: {keys}\n" for name, keys in added.items())
