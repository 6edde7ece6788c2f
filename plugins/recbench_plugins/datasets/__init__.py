"""The standard data sets: what each is called, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from recbench.hookspecs import Component, hookimpl


@hookimpl
def recbench_datasets() -> Iterator[Component]:
    yield Component(
        "dataset",
        "ml-100k",
        "recbench_plugins.datasets.ml_100k:MovieLens100K",
        provides=frozenset({"ratings", "timestamps", "titles", "genres"}),
        family="movies",
        summary="MovieLens 100K: 100,000 ratings of 1,682 films by 943 users",
        reference="Harper, Konstan, The MovieLens datasets: history and context, ACM TiiS 2015",
    )
    yield Component(
        "dataset",
        "ml-1m",
        "recbench_plugins.datasets.ml_1m:MovieLens1M",
        provides=frozenset({"ratings", "titles", "genres"}),
        family="movies",
        summary="MovieLens 1M: 1,000,209 ratings of 3,706 films by 6,040 users",
        reference="Harper, Konstan, The MovieLens datasets: history and context, ACM TiiS 2015",
    )
    yield Component(
        "dataset",
        "ml-20m",
        "recbench_plugins.datasets.ml_20m:MovieLens20M",
        provides=frozenset({"ratings", "timestamps", "titles", "genres"}),
        family="movies",
        summary="MovieLens 20M: 20,000,263 ratings of 26,744 films by 138,493 users",
        reference="Harper, Konstan, The MovieLens datasets: history and context, ACM TiiS 2015",
    )
    yield Component(
        "dataset",
        "ml-latest-small",
        "recbench_plugins.datasets.ml_latest_small:MovieLensLatestSmall",
        provides=frozenset({"ratings", "timestamps", "titles", "genres"}),
        family="movies",
        summary="MovieLens latest small, 9/2018: 100,836 ratings of 9,724 films by 610 users",
        reference="Harper, Konstan, The MovieLens datasets: history and context, ACM TiiS 2015",
    )
    yield Component(
        "dataset",
        "filmtrust",
        "recbench_plugins.datasets.filmtrust:FilmTrust",
        provides=frozenset({"ratings"}),
        family="movies",
        summary="FilmTrust: 35,494 ratings of 2,071 films by 1,508 users",
        reference="Guo, Zhang, Yorke-Smith, A novel Bayesian similarity measure for recommender systems, IJCAI 2013",
    )
    yield Component(
        "dataset",
        "ciaodvd",
        "recbench_plugins.datasets.ciaodvd:CiaoDVD",
        provides=frozenset({"ratings", "timestamps", "categories"}),
        family="movies",
        summary="CiaoDVD: 72,345 ratings of 16,121 DVDs by 17,615 users",
        reference="Guo et al., ETAF: an extended trust antecedents framework for trust prediction, ASONAM 2014",
    )
    yield Component(
        "dataset",
        "epinions",
        "recbench_plugins.datasets.epinions:Epinions",
        provides=frozenset({"ratings"}),
        family="products",
        summary="Epinions: 912,441 ratings of 296,277 products by 22,164 users",
        reference="Tang et al., eTrust: understanding trust evolution in an online world, KDD 2012",
    )
    yield Component(
        "dataset",
        "amazon-musical-instruments",
        "recbench_plugins.datasets.amazon_musical_instruments:AmazonMusicalInstruments",
        provides=frozenset({"ratings", "timestamps"}),
        family="products",
        summary="Amazon Musical Instruments 2014: 10,261 ratings of 900 products by 1,429 users",
        reference="He, McAuley, Ups and downs: modeling the visual evolution of fashion trends, WWW 2016",
    )
    yield Component(
        "dataset",
        "amazon-beauty",
        "recbench_plugins.datasets.amazon_beauty:AmazonBeauty",
        provides=frozenset({"genres"}),
        family="products",
        summary="Amazon Beauty 2014: 198,502 reviews of 12,101 products by 22,363 users, in order",
        reference="Zhou et al., S3-Rec: self-supervised learning for sequential recommendation, CIKM 2020",
    )
    yield Component(
        "dataset",
        "amazon-sports",
        "recbench_plugins.datasets.amazon_sports:AmazonSports",
        provides=frozenset({"genres"}),
        family="products",
        summary="Amazon Sports 2014: 296,337 reviews of 18,357 products by 35,598 users, in order",
        reference="Zhou et al., S3-Rec: self-supervised learning for sequential recommendation, CIKM 2020",
    )
    yield Component(
        "dataset",
        "amazon-toys",
        "recbench_plugins.datasets.amazon_toys:AmazonToys",
        provides=frozenset({"genres"}),
        family="products",
        summary="Amazon Toys 2014: 167,597 reviews of 11,924 products by 19,412 users, in order",
        reference="Zhou et al., S3-Rec: self-supervised learning for sequential recommendation, CIKM 2020",
    )
    yield Component(
        "dataset",
        "amazon-video-games",
        "recbench_plugins.datasets.amazon_video_games:AmazonVideoGames",
        provides=frozenset({"titles"}),
        family="games",
        summary="Amazon Video Games 2018: 440,264 reviews of 16,859 titled games by 50,546 users, in order",
        reference="Hou et al., Large language models are zero-shot rankers for recommender systems, ECIR 2024",
    )
    yield Component(
        "dataset",
        "steam",
        "recbench_plugins.datasets.steam:Steam",
        provides=frozenset({"timestamps"}),
        family="games",
        summary="Steam: 6,889,728 reviewed games of 2,567,538 users, 15,474 in all",
        reference="Kang, McAuley, Self-attentive sequential recommendation, ICDM 2018",
    )
    yield Component(
        "dataset",
        "amazon-book",
        "recbench_plugins.datasets.amazon_book:AmazonBook",
        provides=frozenset({"split"}),
        family="books",
        summary="Amazon Book: 2,984,108 reviews of 91,599 books by 52,643 users, split as in LightGCN",
        reference="He et al., LightGCN: simplifying and powering graph convolution network, SIGIR 2020",
    )
    yield Component(
        "dataset",
        "yelp2018",
        "recbench_plugins.datasets.yelp2018:Yelp2018",
        provides=frozenset({"split"}),
        family="places",
        summary="Yelp 2018: 1,561,406 reviews of 38,048 businesses by 31,668 users, split as in LightGCN",
        reference="He et al., LightGCN: simplifying and powering graph convolution network, SIGIR 2020",
    )
    yield Component(
        "dataset",
        "gowalla",
        "recbench_plugins.datasets.gowalla:Gowalla",
        provides=frozenset({"split"}),
        family="places",
        summary="Gowalla: 1,027,370 check-ins at 40,981 places by 29,858 users, split as in LightGCN",
        reference="He et al., LightGCN: simplifying and powering graph convolution network, SIGIR 2020",
    )
    yield Component(
        "dataset",
        "ta-feng",
        "recbench_plugins.datasets.ta_feng:TaFeng",
        provides=frozenset({"timestamps", "categories"}),
        family="groceries",
        summary="Ta-Feng: 743,228 purchases of 23,812 products by 32,266 customers",
        reference="Hsu, Chung, Huang, Mining skewed and sparse transaction data, Machine Learning 2004",
    )
    yield Component(
        "dataset",
        "adressa",
        "recbench_plugins.datasets.adressa:Adressa",
        version="2",
        provides=frozenset({"split"}),
        family="news",
        summary="Adressa: 116,321 clicks on 744 articles by 13,485 readers, split as in MACR",
        reference="Gulla et al., The Adressa dataset for news recommendation, WI 2017",
    )
    yield Component(
        "dataset",
        "mind-small",
        "recbench_plugins.datasets.mind_small:MINDSmall",
        provides=frozenset({"timestamps", "titles", "categories", "split"}),
        family="news",
        summary="MIND-small: 347,727 clicks on news by 94,057 users within a week, tested on the last day",
        reference="Wu et al., MIND: a large-scale dataset for news recommendation, ACL 2020",
    )
    yield Component(
        "dataset",
        "lastfm",
        "recbench_plugins.datasets.lastfm:LastFM",
        provides=frozenset({"titles"}),
        family="music",
        summary="Last.fm 2K: 92,834 artists listened to by 1,892 users, 17,632 in all",
        reference="Cantador, Brusilovsky, Kuflik, HetRec 2011, RecSys 2011",
    )
    yield Component(
        "dataset",
        "jester",
        "recbench_plugins.datasets.jester:Jester",
        provides=frozenset({"ratings", "texts"}),
        family="jokes",
        summary="Jester 5k: 363,209 ratings of 100 jokes by 5,000 users",
        reference="Goldberg et al., Eigentaste: a constant time collaborative filtering algorithm, Inf. Retrieval 2001",
    )
    yield Component(
        "dataset",
        "msweb",
        "recbench_plugins.datasets.msweb:MSWeb",
        provides=frozenset({"titles"}),
        family="web",
        summary="Microsoft Web: 98,653 visits to 285 areas of a site by 32,710 visitors",
        reference="Breese, Heckerman, Kadie, Anonymous Microsoft Web Data, UCI 1998",
    )
