//! `report html`, on a shop that is at work.

use crate::commands::{RARE, assert_no_secret, code, stderr, stdout};
use crate::harness::Shop;

#[tokio::test]
async fn a_page_is_made_while_the_daemon_runs_and_has_no_secret() {
    let shop = Shop::open(RARE).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    std::fs::write(shop.path("page.html"), "the page of yesterday").expect("written");
    for (lang, word) in [("en", "Calls per day"), ("zh", "每日调用次数")] {
        let output = shop.run(&["report", "html", "--output", "page.html", "--lang", lang]).await;
        assert_eq!((code(&output), stdout(&output).as_str()), (0, "page.html\n"), "{}", stderr(&output));
        let page = std::fs::read_to_string(shop.path("page.html")).expect("a page");
        let store = &shop.world().stores()[0];
        for told in [word, store.name.as_str(), store.app_id.as_str(), "till-1"] {
            assert!(page.contains(told), "no {told:?}");
        }
        let as_output = std::process::Output { stdout: page.into_bytes(), ..output };
        assert_no_secret(&shop, &as_output);
    }
    assert!(daemon.stop().await.success());
    let leftovers = std::fs::read_dir(shop.folder.path()).expect("a folder").filter_map(Result::ok);
    assert!(leftovers.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(".poskeeper-")));
}

#[tokio::test]
async fn what_goes_with_a_page_does_not_go_with_a_view_nor_the_other_way_round() {
    let shop = Shop::open(RARE).await;
    for (arguments, why) in [
        (&["html"][..], "needs --output"),
        (&["html", "--output", "x.html", "--app", "A"], "--app does not go"),
        (&["html", "--output", "x.html", "--format", "csv"], "--format does not go"),
        (&["html", "--output", "x.html", "--lang", "de"], "zh"),
        (&["html", "--output", "x.html", "--from", "2026-01-02", "--to", "2026-01-01"], "lies after"),
        (&["html", "--output", "x.html", "--from", "9999-01-01"], "lies after"),
        (&["usage_daily", "--output", "x.html"], "--output goes with"),
        (&["usage_daily", "--lang", "zh"], "--lang goes with"),
    ] {
        let output = shop.run(&[&["report"], arguments].concat()).await;
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(why), "{arguments:?}: {}", stderr(&output));
    }
    let output = shop.run(&["report", "html", "--output", "x.html"]).await;
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("there is no database"), "{}", stderr(&output));
    assert!(!shop.path("x.html").exists());

    assert_eq!(code(&shop.run(&["once"]).await), 0);
    let output = shop.run(&["report", "html", "--output", "no/such/folder/x.html"]).await;
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("no/such/folder/x.html"), "{}", stderr(&output));
}
