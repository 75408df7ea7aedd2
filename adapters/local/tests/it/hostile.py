# What a hostile change tries, at build and at run. Each attack ends in a line "name: how it ended".
import ctypes, errno, json, os, platform, signal, socket, subprocess, sys, time

libc = ctypes.CDLL(None, use_errno=True)
target = json.loads(os.environ["TARGETS"])
report = {}


def attack(name):
    def run(function):
        try:
            report[name] = "SUCCEEDED: " + str(function())[:200]
        except OSError as error:
            report[name] = os.strerror(error.errno)
    return run


def call(function, *arguments):
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "")
    return "done"


@attack("read the journal's key")
def _(): return open(target["key"]).read()

@attack("list the state folder")
def _(): return os.listdir(target["state"])

@attack("read somebody else's data")
def _(): return open(target["other"]).read()

@attack("read somebody else's data beside one's own")
def _(): return os.listdir("/data/ben")

@attack("read production's environment")
def _(): return open(f"/proc/{target['pid']}/environ").read()

@attack("signal production")
def _(): return os.kill(target["pid"], signal.SIGKILL)

@attack("see any process of the machine")
def _():
    lines = {p: open(f"/proc/{p}/cmdline").read() for p in os.listdir("/proc") if p.isdigit()}
    strange = [line for line in lines.values() if "confine" not in line and "main.py" not in line and "bwrap" not in line]
    if strange: return strange
    raise OSError(errno.ESRCH, "")

@attack("connect to the machine's loopback")
def _(): return socket.create_connection(("127.0.0.1", target["tcp"]), 2)

@attack("connect to an abstract socket of the machine")
def _():
    s = socket.socket(socket.AF_UNIX)
    return s.connect("\0" + target["abstract"])

@attack("connect to the outside")
def _(): return socket.create_connection(("192.0.2.1", 80), 2)

@attack("read the environment of confine")
def _(): return open("/proc/2/environ").read() or os.strerror(0)

@attack("write into confine's memory")
def _(): return open("/proc/2/mem", "r+b").name

@attack("change a device of the machine")
def _(): return os.chmod("/dev/null", 0o600)

@attack("change a setting of the kernel")
def _(): return open("/proc/sys/kernel/core_pattern", "w").name

@attack("write into the tools")
def _(): return open("/usr/bin/x", "w").name

@attack("write into the source or the build")
def _(): return open(os.path.join(target["own"], "x"), "w").name

@attack("become root")
def _():
    try: return os.setuid(0)
    except OSError as error:
        # There may be no root inside at all.
        raise OSError(errno.EPERM if error.errno == errno.EINVAL else error.errno, "")

@attack("trace a process")
def _(): return call(libc.ptrace, 16, os.getppid(), 0, 0)

@attack("mount")
def _(): return call(libc.mount, b"none", b"/tmp", b"tmpfs", 0, None)

@attack("make a user namespace")
def _(): return call(libc.unshare, 0x10000000)

@attack("hide memory in a file without a name")
def _(): return os.memfd_create("x")

@attack("trace a process by the other numbering")
def _():
    if platform.machine() != "x86_64": raise OSError(errno.ENOSYS, "")
    return call(libc.syscall, 0x40000000 | 521, 16, os.getppid(), 0, 0)

@attack("use a descriptor that was left open")
def _():
    # The listing itself uses one, which is closed by the time that it is looked at.
    left = [fd for fd in os.listdir("/proc/self/fd") if int(fd) > 2 and os.path.lexists(f"/proc/self/fd/{fd}")]
    if left: return left
    raise OSError(errno.EBADF, "")

@attack("fill the disk")
def _():
    written, places = 0, []
    for folder, folders, _ in os.walk("/"):
        if folder == "/":
            folders.remove("proc")
        path = os.path.join(folder, "fill")
        try: file = open(path, "wb", 0)
        except OSError: continue
        places.append(folder)
        for number in range(10000):
            try: written += file.write(b"\0" * 1048576)
            except OSError as full:
                if full.errno == errno.ENOSPC: break
                # The file is as long as one may be: go on with the next.
                try: file = open(f"{path}{number}", "wb", 0)
                except OSError: break
        for name in os.listdir(folder):
            if name.startswith("fill"): os.remove(os.path.join(folder, name))
    report["places that can be written"] = " ".join(sorted(places))
    if written > target["room"]: return written
    raise OSError(errno.ENOSPC, "")

@attack("fork without end")
def _():
    children = []
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for _ in range(2000):
            pid = os.fork()
            if pid == 0:
                time.sleep(600); os._exit(0)
            children.append(pid)
        return "2000 processes"
    finally:
        for pid in children: os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)

subprocess.Popen(["/bin/sleep", target["daemon"]], start_new_session=True, stdin=0, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
