"""Tells what a Python process opens, starts and loads; brought in by PYTHONPATH, for any Python from 3.8 on.

It stands alone: the interpreter of the person who is observed need not have week2kit. Each new thing is appended to the
log at once, so that killed workers and forked children lose nothing. It prints nothing and lets nothing fail.
"""

import sys

_ENVIRONMENT = "WEEK2KIT_OBSERVED_LOG"
_NATIVE = frozenset(
    "pyarrow.parquet pyarrow.dataset pyarrow.csv pyarrow.feather pyarrow.orc pyarrow.json polars duckdb h5py tables"
    " netCDF4 cv2 torch tensorflow rasterio fiona pyreadr xgboost lightgbm catboost"
    " fastparquet lance zarr av soundfile jax".split()
)
_VARIABLES = (
    "PYTHONHASHSEED TZ LANG LC_ALL OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS BLIS_NUM_THREADS"
    " NUMEXPR_NUM_THREADS VECLIB_MAXIMUM_THREADS OPENBLAS_CORETYPE MKL_CBWR ATEN_CPU_CAPABILITY CUDA_VISIBLE_DEVICES"
    " NPY_DISABLE_CPU_FEATURES CUBLAS_WORKSPACE_CONFIG"
).split()


def _observe(log, here):
    import _io
    import _thread
    import atexit
    import os
    import stat
    from _json import encode_basestring_ascii as quoted

    busy = _thread._local()
    here_file = _observe.__code__.co_filename
    seen = set()
    opened = [-1, None]
    standard = (os.path.dirname(os.__file__) + os.sep,)
    looks_for_versions = os.path.join(standard[0], "importlib", "metadata")

    def dumps(value):
        # json itself imports re: milliseconds of every process
        if value is None or value is True or value is False:
            return {None: "null", True: "true", False: "false"}[value]
        if isinstance(value, int):
            return str(int(value))
        if isinstance(value, (list, tuple)):
            return "[" + ",".join(map(dumps, value)) + "]"
        if isinstance(value, dict):
            return "{" + ",".join(quoted(str(k)) + ":" + dumps(v) for k, v in value.items()) + "}"
        return quoted(str(value))

    def append(event, **values):
        line = (dumps(dict(values, event=event, pid=os.getpid())) + "\n").encode("ascii")
        try:
            now = os.fstat(opened[0])
            same = (now.st_dev, now.st_ino) == opened[1]
        except OSError:
            same = False
        if not same:  # the script closed all descriptors, or put a file of its own in this place
            descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
            now = os.fstat(descriptor)
            opened[:] = [descriptor, (now.st_dev, now.st_ino)]
        os.write(opened[0], line)

    def absolute(path, folder=-1):
        path = os.fsdecode(path)
        if not os.path.isabs(path):
            base = os.getcwd()
            if isinstance(folder, int) and folder >= 0:
                base = os.readlink("/proc/self/fd/%d" % folder)
            path = os.path.join(base, path)
        return os.path.normpath(path)

    def state(path):
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            return None
        kind = "file" if stat.S_ISREG(found.st_mode) else "folder" if stat.S_ISDIR(found.st_mode) else "other"
        return [kind, found.st_size, found.st_mtime_ns]

    def is_version(path):
        return path.startswith(standard) or "site-packages" in path or "dist-packages" in path

    def open_(arguments):
        path, mode, flags = arguments
        if not isinstance(path, (str, bytes)):
            return  # a descriptor that is open already
        flags = flags if isinstance(flags, int) else 0
        way = flags & (os.O_WRONLY | os.O_RDWR | os.O_TRUNC | os.O_CREAT)
        if isinstance(mode, str) and not way and ("w" in mode or "a" in mode or "+" in mode or "x" in mode):
            way = os.O_RDWR | (os.O_TRUNC if "w" in mode else 0)
        if not way and isinstance(path, str) and is_version(path):
            return
        key = (path, way)
        if key in seen:
            return
        seen.add(key)
        path = absolute(path)
        writes = bool(way & (os.O_WRONLY | os.O_RDWR))
        if not writes and is_version(path):
            return
        before = state(path)
        # what is not cut off at its opening is part of what comes out: appending reads
        reads = not writes or (before is not None and not way & os.O_TRUNC)
        append("open", path=path, access="both" if reads and writes else "writes" if writes else "reads", before=before)

    def changed(event, *places):
        found = [absolute(path, folder) for path, folder in places]
        seen.clear()
        append(event, paths=found, before=[state(path) for path in found])

    def rename(arguments):
        changed("rename", (arguments[0], arguments[2]), (arguments[1], arguments[3]))

    def link(arguments):
        changed("link", (arguments[0], arguments[2]), (arguments[1], arguments[3]))

    def remove(arguments):
        changed("remove", arguments[:2])

    def truncate(arguments):
        if isinstance(arguments[0], (str, bytes)):
            changed("truncate", (arguments[0], -1))

    def database(arguments):
        path = os.fsdecode(arguments[0])
        if path.startswith("file:"):
            path = path[5:].partition("?")[0]
        if path and path != ":memory:" and ("sqlite", path) not in seen:
            seen.add(("sqlite", path))
            path = absolute(path)
            append("database", path=path, before=state(path))

    def listing(arguments):
        if sys._getframe(2).f_code.co_filename.startswith(("<frozen importlib", looks_for_versions)):
            return  # that is how modules and distributions are looked for
        path = "." if arguments[0] is None else arguments[0]
        if isinstance(path, (str, bytes)) and ("listed", path) not in seen:
            seen.add(("listed", path))
            path = absolute(path)
            if not is_version(path):
                append("list", path=path)

    def chdir(arguments):
        seen.clear()

    def start(executable, argv, env=None):
        argv = [os.fsdecode(a) for a in ([argv] if isinstance(argv, (str, bytes)) else argv)]
        program = os.fsdecode(executable or argv[0])
        python = os.path.basename(program).lower().startswith(("python", "pypy"))
        variables = os.environ if env is None else {os.fsdecode(k): os.fsdecode(v) for k, v in dict(env).items()}
        options = []
        for word in argv[1:]:
            if not word.startswith("-") or word[1:2] in ("c", "m", "", "-"):
                break
            options.append(word)
        hooked = here in variables.get("PYTHONPATH", "").split(os.pathsep) and _ENVIRONMENT in variables
        hooked = hooked and not any(letter in word for word in options for letter in "ISE")
        append("start", argv=[word[:4096] for word in argv[:256]], python=python, hooked=python and hooked)

    def popen(arguments):
        start(arguments[0], arguments[1], arguments[3])

    def exec_(arguments):
        start(*arguments[:3])
        end()

    def spawn(arguments):
        start(arguments[-3], arguments[-2], arguments[-1])

    def system(arguments):
        start("sh", ["sh", "-c", os.fsdecode(arguments[0])])

    def connect(arguments):
        address = arguments[-1]
        if isinstance(address, tuple) and ("network", address) not in seen:
            seen.add(("network", address))
            append("network", address=[str(part) for part in address[:2]])

    def lookup(arguments):
        if arguments[0] is not None and ("lookup", arguments[0]) not in seen:
            seen.add(("lookup", arguments[0]))
            host = arguments[0]
            append("network", address=[host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)])

    def import_(arguments):
        if arguments[0] in _NATIVE and arguments[0] not in seen:
            seen.add(arguments[0])
            append("native", name=arguments[0].partition(".")[0])

    handlers = {
        "open": open_, "os.rename": rename, "os.link": link, "os.remove": remove, "os.truncate": truncate,
        "sqlite3.connect": database, "os.chdir": chdir, "os.fchdir": chdir, "subprocess.Popen": popen,
        "os.exec": exec_, "os.posix_spawn": spawn, "os.spawn": spawn, "os.system": system, "socket.connect": connect,
        "socket.sendto": connect, "socket.getaddrinfo": lookup, "import": import_,
        "os.symlink": lambda a: changed("symlink", (a[1], a[2])), "os.listdir": listing, "os.scandir": listing,
    }  # fmt: skip

    def failed(where):
        try:
            if ("failed", where) not in seen:
                seen.add(("failed", where))
                append("hook failed", where=where, error=sys.exc_info()[0].__name__)
        except Exception:
            pass

    def of_the_script(trace):
        """Whether it was raised by a signal handler of the script, which may run at any moment of the hook."""
        while trace.tb_next is not None:
            trace = trace.tb_next
        file = trace.tb_frame.f_code.co_filename
        ours = file == here_file or file.startswith("<frozen") or file.startswith(standard)
        return not ours or "-packages" in file

    def hook(event, arguments):
        handler = handlers.get(event)
        if handler is None or getattr(busy, "now", False):
            return
        busy.now = True
        try:
            handler(arguments)
        except Exception:
            if of_the_script(sys.exc_info()[2]):
                raise
            failed(event)
        finally:
            busy.now = False

    def announce(forked=False):
        before, busy.now = getattr(busy, "now", False), True
        try:
            seen.clear()
            argv = getattr(sys, "orig_argv", None)
            if argv is None:
                try:
                    with open("/proc/self/cmdline", "rb") as file:
                        argv = [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
                except OSError:
                    argv = []
            prefixes = sorted({sys.prefix, sys.base_prefix, sys.exec_prefix})  # now: a killed process tells no end
            words = [word[:4096] for word in argv[:256]]
            append("process", parent=os.getppid(), forked=forked, argv=words, prefixes=prefixes)
        except Exception:
            failed("process")
        finally:
            busy.now = before

    def end():
        before, busy.now = getattr(busy, "now", False), True
        try:
            modules, packages, arrow = {}, set(), False
            for name, module in list(sys.modules.items()):
                file = getattr(module, "__file__", None)
                if name == "__main__" and file is None:  # it is gone when the script has run
                    file = getattr(getattr(module, "__loader__", None), "path", None)
                if not isinstance(file, str) or file == __file__:
                    continue
                if "site-packages" in file or "dist-packages" in file:
                    packages.add(name.partition(".")[0])
                    continue
                file = absolute(file)
                if not file.startswith(standard):
                    modules[name] = file
                    # pandas imports it by itself: then only its readers count, or the package in a script's own hands
                    arrow = arrow or any(value is sys.modules.get("pyarrow", file) for value in vars(module).values())
            facts = {
                "python": ".".join(map(str, sys.version_info[:3])),
                "implementation": sys.implementation.name,
                "executable": sys.executable,
                "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
                "native": sorted({n.partition(".")[0] for n in _NATIVE & set(sys.modules)}.union(["pyarrow"] * arrow)),
            }
            locale = sys.modules.get("_locale")
            if locale is not None:
                facts["locale"] = locale.setlocale(locale.LC_CTYPE)
            places = [folder for folder in sys.path if "-packages" in folder]
            append("modules", modules=modules, packages=sorted(packages), places=places)
            if "numpy" in sys.modules:
                try:
                    from threadpoolctl import threadpool_info

                    facts["pools"] = [
                        {k: v for k, v in pool.items() if isinstance(v, (str, int, type(None)))}
                        for pool in threadpool_info()
                    ]
                except Exception:
                    facts["pools"] = None
                core = sys.modules.get("numpy._core._multiarray_umath") or sys.modules.get(
                    "numpy.core._multiarray_umath"
                )
                known = (*getattr(core, "__cpu_baseline__", ()), *getattr(core, "__cpu_dispatch__", ()))
                features = getattr(core, "__cpu_features__", {})
                facts["simd"] = sorted({name for name in known if features.get(name)})
            openmp = getattr(sys.modules.get("sklearn.utils._openmp_helpers"), "_openmp_effective_n_threads", None)
            if openmp is not None:
                facts["openmp_threads"] = openmp()
            threads = getattr(sys.modules.get("torch"), "get_num_threads", None)
            kernel = getattr(sys.modules.get("torch._C"), "_get_cpu_capability", None)
            if threads is not None:
                facts["torch"] = {"kernel": kernel and kernel(), "threads": threads()}
            append("end", facts=facts)
        except Exception:
            failed("end")
        finally:
            busy.now = before

    def open_module(path):
        # two thirds of what a script opens: the observer of system calls lets these flags pass, as the hook tells of it
        return _io.FileIO(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_DSYNC), "rb")

    if not hasattr(sys, "addaudithook"):  # it never announces itself: then it counts as not seen
        append("hook failed", where="start", error="Python before 3.8")
        return
    announce()
    sys.addaudithook(hook)
    atexit.register(end)
    if sys.platform == "linux" and sys.implementation.name == "cpython":
        _io.open_code = open_module  # only importlib and zipimport ask for it here
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: announce(True))


def _start():
    import os

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
    try:
        log = os.environ.get(_ENVIRONMENT)
        if log:
            _observe(log, here)
    except Exception:  # nobody's script fails because it is observed
        pass


def _hand_over():
    """Run the sitecustomize that would have been found without this one; where there is none, there is none."""
    from _frozen_importlib import module_from_spec  # importlib itself imports much that a script need not have
    from _frozen_importlib_external import PathFinder

    found = PathFinder.find_spec("sitecustomize", sys.path)
    if found is None or found.loader is None:
        raise ImportError("No module named 'sitecustomize'", name="sitecustomize")
    module = module_from_spec(found)
    sys.modules["sitecustomize"] = module
    found.loader.exec_module(module)


_start()
_hand_over()
