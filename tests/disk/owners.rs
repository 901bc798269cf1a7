//! Commands that root types by hand beside a service that runs as another user.

use crate::full::ONCE;
use crate::harness::Shop;
use std::os::unix::fs::{MetadataExt, chown};
use std::process::Command;

#[tokio::test]
async fn what_root_makes_in_a_services_folder_belongs_to_the_service() {
    let shop = Shop::open(ONCE).await;
    chown(shop.folder.path(), Some(65534), Some(65533)).expect("root may");
    assert!(shop.run(&["once"]).await.status.success());
    for name in ["poskeeper.db", "poskeeper.db.lock", "poskeeper.db.session", "till-1.apikey"] {
        let found = std::fs::metadata(shop.path(name)).expect(name);
        assert_eq!((found.uid(), found.gid()), (65534, 65533), "{name}");
    }
}

/// In a machine of its own, where the packaged service has its database.
fn beside_a_service(shop: &Shop, arguments: &str) -> String {
    let command = shop.command(&[]);
    let script = format!(
        "mount -t tmpfs none /var/lib && mkdir /var/lib/poskeeper && : >/var/lib/poskeeper/poskeeper.db && exec \"$@\" {arguments}"
    );
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(shop.folder.path())
        .output()
        .expect("unshare");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[tokio::test]
async fn a_command_that_looks_at_another_database_than_the_service_says_so() {
    let shop = Shop::open(ONCE).await;
    let place = "/var/lib/poskeeper/poskeeper.db";
    let missing = beside_a_service(&shop, "status");
    assert!(missing.contains("there is no database at") && missing.contains(place), "{missing}");
    assert!(shop.run(&["once"]).await.status.success());
    let status = beside_a_service(&shop, "status");
    let used = shop.path("poskeeper.db").display().to_string();
    assert!(
        status.contains(&used) && status.contains(&format!("not the database of the service, {place}")),
        "{status}"
    );
    let check = beside_a_service(&shop, "check");
    assert!(check.contains(&used) && check.contains("set STATE_DIRECTORY=/var/lib/poskeeper"), "{check}");
    shop.edit_settings("path = \"poskeeper.db\"", &format!("path = \"{place}\""));
    let check = beside_a_service(&shop, "check");
    assert!(!check.contains("not the database of the service"), "{check}");
}
