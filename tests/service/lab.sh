# A booted Debian with a systemd of its own, on a throw-away layer above a root that is made once.
# To be sourced, as root: lab_up DIR, then `inside COMMAND...` and `put FILE PATH`; lab_down drops it.

# What the package depends on, and what the checks call.
LAB_PACKAGES=systemd,systemd-sysv,dbus,ca-certificates,procps,sqlite3,man-db

lab_up() {
    lab=$1
    [[ -e $lab/root/.complete ]] || lab_make_root
    # Everything that is mounted goes when the last process of this mount namespace does.
    unshare --mount --propagation private bash -euc "$(declare -f lab_boot); lab_boot $lab" </dev/null &>"$lab/console" &
    lab_nspawn=$!
    leader=
    within 30 lab_has_leader && within 60 lab_is_running ||
        { cat "$lab/console"; echo "systemd did not come up in a container of this machine" >&2; return 1; }
}

lab_make_root() {
    rm -rf --one-file-system "$lab"
    mkdir -p "$lab"
    # The archive that this machine itself uses.
    local sources=(/etc/apt/sources.list.d/debian.sources) suite
    [[ -e ${sources[0]} ]] || sources=(/etc/apt/sources.list)
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    TMPDIR=$lab mmdebstrap --quiet --mode=root --variant=minbase --include="$LAB_PACKAGES" \
        "$suite" "$lab/root" "${sources[@]}"
    # Nobody logs in, nothing is updated, the journal is kept whole.
    local unit
    for unit in console-getty.service systemd-timesyncd.service systemd-firstboot.service \
        apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer man-db.timer; do
        ln -sf /dev/null "$lab/root/etc/systemd/system/$unit"
    done
    mkdir -p "$lab/root/etc/systemd/journald.conf.d"
    printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' >"$lab/root/etc/systemd/journald.conf.d/lab.conf"
    : >"$lab/root/etc/machine-id"
    touch "$lab/root/.complete"
}

# In a mount namespace of its own.
lab_boot() {
    mkdir -p "$1/layer"
    mount -t tmpfs tmpfs "$1/layer"
    mkdir "$1"/layer/{upper,work,merged}
    mount -t overlay -o "lowerdir=$1/root,upperdir=$1/layer/upper,workdir=$1/layer/work" overlay "$1/layer/merged"
    # systemd needs cgroups of version 2; nspawn wants one of its own, and /run to itself.
    umount -l /sys/fs/cgroup
    mount -t cgroup2 none /sys/fs/cgroup
    mount -t tmpfs tmpfs /run
    mkdir "/sys/fs/cgroup/lab-$$"
    echo 0 >"/sys/fs/cgroup/lab-$$/cgroup.procs"
    # The two capabilities and the call: for IPAddressDeny= and DevicePolicy= of the unit.
    exec systemd-nspawn --quiet --boot --directory "$1/layer/merged" --machine "lab-$$" --console=pipe \
        --keep-unit --register=no --private-network --resolv-conf=off --timezone=off --link-journal=no \
        --capability=CAP_BPF,CAP_PERFMON --system-call-filter=bpf
}

# nspawn's child that is process 1 of its own namespace.
lab_has_leader() {
    kill -0 "$lab_nspawn" || return 1
    for leader in $(pgrep -P "$lab_nspawn"); do
        [[ $(awk '/^NSpid/ { print $NF }' "/proc/$leader/status") == 1 ]] && return
    done
    return 1
}

lab_is_running() {
    [[ -S /proc/$leader/root/run/dbus/system_bus_socket && $(inside systemctl is-system-running) == running ]]
}

inside() {
    nsenter --target "$leader" --mount --uts --ipc --net --pid --cgroup --root --wd -- \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \
        SYSTEMD_PAGER=cat SYSTEMD_COLORS=0 DEBIAN_FRONTEND=noninteractive "$@"
}

put() { cp "$1" "/proc/$leader/root$2"; }

lab_down() {
    [[ -n ${lab_nspawn:-} ]] || return 0
    # systemd's signal for "halt"; what does not obey is killed.
    [[ -z $leader ]] || kill -s RTMIN+3 "$leader" 2>/dev/null || true
    within 20 lab_is_gone || kill -9 "$lab_nspawn" 2>/dev/null || true
    wait "$lab_nspawn" 2>/dev/null || true
    find "$(findmnt --noheadings --first-only --output TARGET --types cgroup2)" -depth -type d \
        -path "*/lab-$lab_nspawn*" -exec rmdir {} + 2>/dev/null || true
}

lab_is_gone() { ! kill -0 "$lab_nspawn" 2>/dev/null; }

# Looks again and again, for so many seconds, until a command succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" &>/dev/null; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}
