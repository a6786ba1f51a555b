// Plugins that try what their sandbox forbids, beside a healthy one.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <iterator>
#include <string>
#include <thread>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string refused = "Operation not permitted";
const std::string denied = "Permission denied";
const std::string allowed = "allowed";

int landlock_version() {
  return static_cast<int>(syscall(SYS_landlock_create_ruleset, nullptr, 0, 1));
}

/// Runs `step` in a thread, and the programs that it starts, as on a kernel without Landlock.
void without_landlock(const std::function<void()>& step) {
  std::thread([&] {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{static_cast<unsigned short>(std::size(code)), code};
    ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
    ASSERT_LT(landlock_version(), 0);
    step();
  }).join();
}

/// A TCP socket that listens on a free port of the loopback.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address_), size) != 0 || listen(fd_, 8) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size) != 0) {
      throw std::runtime_error("can't listen on the loopback");
    }
  }
  ~Listener() { close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::string port() const { return std::to_string(ntohs(address_.sin_port)); }

 private:
  int fd_;
  sockaddr_in address_{};
};

class Sandbox : public Outbox {
 protected:
  explicit Sandbox(const std::string& plugin = "bad/trespasser") : directory({"good/probe", plugin}) {}

  /// Runs the attempts in a plugin with that table, with more members of the payload, beside a healthy
  /// plugin.
  void attempt(const std::string& table, const std::vector<std::string>& names,
               const std::string& more = "") {
    config = scratch.write("sandbox.toml", base_ + table);
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "\"" : ",\"") + name + '"';
    const std::string id = "attempt-" + std::to_string(++attempts_);
    insert(id, "test.trespass", "{\"try\":[" + list + "]" + more + "}");
    insert("healthy-" + id, "test.probe");
    const Ended drained = run({"drain"}, surroundings());
    EXPECT_EQ(drained.code, 0) << drained.err;
    EXPECT_EQ(status("healthy-" + id), "done") << drained.err;
    EXPECT_EQ(status(id), "done") << drained.err;
    id_ = id;
  }
  /// What came of an attempt.
  std::string result(const std::string& name) { return outcome_of(id_, name); }
  std::string outcome_of(const std::string& id, const std::string& name) {
    return database.value("SELECT output::jsonb ->> $2 FROM sluice.output WHERE job_id = $1", {id, name});
  }
  std::map<std::string, std::string> surroundings() const {
    auto all = environment();
    all["SLUICE_PLUGIN_DIR"] = directory.path();
    all["TRESPASSER_FILE"] = scratch.path("at_load");
    return all;
  }
  bool was_loaded_freely() const { return std::filesystem::exists(scratch.path("at_load")); }
  static std::string path_of(const std::string& path) { return ",\"path\":\"" + path + '"'; }
  static std::string port_of(const Listener& listener) { return ",\"port\":" + listener.port(); }

  const PluginDirectory directory;

 private:
  const std::string base_ = scratch.read("sluice.toml");
  std::string id_;
  int attempts_ = 0;
};

/// What only Landlock can enforce.
class LandlockSandbox : public Sandbox {
 protected:
  using Sandbox::Sandbox;
  void SetUp() override {
    if (landlock_version() < 6) GTEST_SKIP() << "needs a kernel whose Landlock has version 6 or newer";
  }
};

TEST_F(Sandbox, EveryHostIsRefusedWhatNoHandlerNeeds) {
  std::vector<std::string> names{"read_memory", "mount",    "unshare",      "clone_namespace",
                                 "io_uring",    "add_key",  "bpf",          "set_clock",
                                 "personality", "terminal", "signal_parent"};
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  names.emplace_back("trace_parent");  // the leak sanitizer traces its own process
#endif
  attempt("", names, path_of(scratch.path()));
  for (const std::string& name : names) EXPECT_EQ(result(name), refused) << name;
}

TEST_F(Sandbox, WithoutATableAPluginIsFreeOtherwise) {
  const Listener listener;
  const std::vector<std::string> names{"write",       "move",  "read", "connect",      "connect_udp",
                                       "unix_socket", "spawn", "fork", "signal_child", "lower_own_priority"};
  attempt("", names, path_of(scratch.path("new")) + port_of(listener));
  for (const std::string& name : names) EXPECT_EQ(result(name), allowed) << name;
  EXPECT_TRUE(was_loaded_freely());
}

TEST_F(Sandbox, WithoutLandlockAtLeastTheRuntimeIsSafeFromSignals) {
  without_landlock([&] { attempt("", {"signal_parent", "signal_child"}); });
  EXPECT_EQ(result("signal_parent"), refused);
  EXPECT_EQ(result("signal_child"), allowed);
}

TEST_F(Sandbox, ATableCanBeSwitchedOff) {
  attempt("[plugin.trespasser.sandbox]\nenabled = false\nspawn = false\n", {"write", "spawn"},
          path_of(scratch.path("new")));
  EXPECT_EQ(result("write"), allowed);
  EXPECT_EQ(result("spawn"), allowed);
}

TEST_F(Sandbox, NoNetworkIsNoSocketAtAll) {
  const Listener listener;
  attempt("[plugin.trespasser.sandbox]\nnetwork = \"none\"\n",
          {"connect", "connect_udp", "unix_socket", "disguised_socket", "socket_pair"}, port_of(listener));
  for (const char* name : {"connect", "connect_udp", "unix_socket", "disguised_socket"})
    EXPECT_EQ(result(name), refused) << name;
  EXPECT_EQ(result("socket_pair"), allowed);
}

TEST_F(Sandbox, ProgramsAreStartedOnlyIfAllowed) {
  attempt("[plugin.trespasser.sandbox]\n", {"spawn", "fork"});
  EXPECT_EQ(result("spawn"), refused);
  EXPECT_EQ(result("fork"), allowed);
  attempt("[plugin.trespasser.sandbox]\nspawn = true\n", {"spawn"});
  EXPECT_EQ(result("spawn"), allowed);
}

TEST_F(LandlockSandbox, FilesOutsideOfItsListsAreOutOfReach) {
  const std::string file = scratch.write("secret", "secret\n");
  attempt("[plugin.trespasser.sandbox]\nnetwork = \"any\"\n", {"read", "write"}, path_of(file));
  EXPECT_EQ(result("read"), denied);
  EXPECT_EQ(result("write"), denied);
  EXPECT_EQ(scratch.read("secret"), "secret\n");
  attempt("[plugin.trespasser.sandbox]\nread = [\"" + file + "\"]\n", {"read", "write"}, path_of(file));
  EXPECT_EQ(result("read"), allowed);
  EXPECT_EQ(result("write"), denied);
  attempt("[plugin.trespasser.sandbox]\nwrite = [\"" + scratch.path() + "\"]\n", {"write", "read"},
          path_of(scratch.path("new")));
  EXPECT_EQ(result("read"), allowed);
  EXPECT_EQ(result("write"), allowed);
}

TEST_F(LandlockSandbox, APathThatDoesNotExistIsRefused) {
  config = scratch.write("sandbox.toml", "[plugin.trespasser.sandbox]\nread = [\"/no/such/folder\"]\n");
  insert("waits", "test.trespass");
  insert("healthy", "test.probe");
  const Ended drained = run({"drain"}, surroundings());
  EXPECT_THAT(drained.err,
              HasSubstr("found that '/no/such/folder' of its sandbox can't be opened (No such file or "
                        "directory), expected a file or folder that exists; create it, or take it out "
                        "of the list 'read' of the plugin's sandbox"));
  EXPECT_EQ(status("waits"), "pending");
  EXPECT_EQ(status("healthy"), "done");
}

/// A sandbox that refers to the plugin's configuration follows it.
TEST_F(LandlockSandbox, MayReferToTheConfiguration) {
  const Listener open;
  const Listener closed;
  const std::string file = scratch.write("secret", "secret\n");
  const std::string table =
      "[plugin.trespasser.sandbox]\nread = [\"config:/file\", \"config:/missing\"]\nwrite = "
      "[\"config:/file/..\"]\n"
      "connect = [\"config:/servers/*/url\"]\nspawn = \"config:/file\"\n[plugin.trespasser.config]\n";
  attempt(table, {"read", "write", "connect", "spawn"}, path_of(file) + port_of(open));
  EXPECT_EQ(result("read"), denied);
  EXPECT_EQ(result("write"), denied);
  EXPECT_EQ(result("connect"), refused);
  EXPECT_EQ(result("spawn"), refused);
  const std::string configured = table + "file = \"" + file +
                                 "\"\n[plugin.trespasser.config.servers.a]\nurl = \"http://x:" + open.port() +
                                 "/\"\n";
  attempt(configured, {"read", "write", "connect", "spawn"}, path_of(file) + port_of(open));
  for (const char* name : {"read", "write", "connect", "spawn"}) EXPECT_EQ(result(name), allowed) << name;
  attempt(configured, {"connect"}, port_of(closed));
  EXPECT_EQ(result("connect"), denied);
}

/// The same plugin, but it declares that it needs any network and nothing else.
class HumblePlugin : public LandlockSandbox {
 protected:
  HumblePlugin() : LandlockSandbox("bad/humble") {}
};

TEST_F(HumblePlugin, IsKeptToWhatItDeclares) {
  attempt("", {"write", "connect_udp", "unix_socket", "spawn"}, path_of(scratch.path("new")) + ",\"port\":9");
  EXPECT_EQ(result("write"), denied);
  EXPECT_EQ(result("spawn"), refused);
  EXPECT_EQ(result("connect_udp"), allowed);
  EXPECT_EQ(result("unix_socket"), allowed);
}

TEST_F(HumblePlugin, TheOperatorHasTheLastWord) {
  attempt("[plugin.humble.sandbox]\nspawn = true\nconnect = []\n", {"write", "connect_udp", "spawn"},
          path_of(scratch.path("new")) + ",\"port\":9");
  EXPECT_EQ(result("write"), denied);
  EXPECT_EQ(result("connect_udp"), refused);
  EXPECT_EQ(result("spawn"), allowed);
  attempt("[plugin.humble.sandbox]\nenabled = false\n", {"write"}, path_of(scratch.path("new")));
  EXPECT_EQ(result("write"), allowed);
}

TEST_F(Sandbox, AnInvalidTableIsRefusedWithItsLine) {
  config = scratch.write("sandbox.toml", "[plugin.trespasser.sandbox]\nread = [\"etc\"]\n");
  const Ended drained = run({"drain"}, surroundings());
  EXPECT_EQ(drained.code, 2);
  EXPECT_THAT(
      drained.err,
      HasSubstr(":1: 'plugin.trespasser.sandbox': 'read' must be a list of absolute paths, found 'etc'"));
}

TEST_F(Sandbox, ListAndInspectShowIt) {
  config = scratch.write("sandbox.toml", "[plugin.trespasser.sandbox]\nread = [\"/srv\"]\nconnect = [443]\n");
  const std::string file = directory.path() + "/trespasser.so";
  EXPECT_THAT(
      run({"plugin", "list"}, surroundings()).out,
      HasSubstr("trespasser: may read /srv, besides the system's files; may write nothing; may use TCP port "
                "443, UDP; may start no programs"));
  EXPECT_THAT(run({"plugin", "inspect", file}, surroundings()).out, HasSubstr("TCP port 443, UDP"));
  EXPECT_THAT(run({"plugin", "inspect", file, "--json"}, surroundings()).out, HasSubstr("\"ports\": ["));
  EXPECT_THAT(run({"plugin", "inspect", file}, {}).out,
              HasSubstr("none: all that the runtime's user may do"));
}

TEST_F(LandlockSandbox, PluginRunAppliesIt) {
  config = scratch.write("sandbox.toml", "[plugin.trespasser.sandbox]\n");
  const Ended ended = run({"plugin", "run", directory.path() + "/trespasser.so", "test.trespass",
                           R"({"try":["write","spawn"],"path":")" + scratch.path("new") + "\"}"},
                          surroundings());
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr(R"({"write":"Permission denied","spawn":"Operation not permitted"})"));
}

/// Plugins whose sandboxes the kernel must enforce.
class RequiredSandbox : public Sandbox {
 protected:
  Ended drain_both(const std::string& mode) {
    config = scratch.write("required.toml", scratch.read("sluice.toml") + "[plugins]\nsandbox = \"" + mode +
                                                "\"\n[plugin.trespasser.sandbox]\nread = [\"/srv\"]\n");
    insert("confined", "test.trespass", R"({"try":["spawn"]})");
    insert("healthy", "test.probe");
    return run({"drain"}, surroundings());
  }
};

TEST_F(RequiredSandbox, IsRefusedOnAKernelThatCanNotEnforceIt) {
  without_landlock([&] {
    const Ended drained = drain_both("require");
    EXPECT_THAT(
        drained.err,
        HasSubstr(
            "trespasser.so: found that this kernel, whose Landlock has version 0, can't restrict reading and "
            "writing files, signals to other processes, expected that it enforces the whole sandbox, "
            "because [plugins] sandbox = \\\"require\\\"; use a newer kernel, or set sandbox = \\\"try\\\""));
  });
  EXPECT_EQ(status("confined"), "pending");
  EXPECT_EQ(status("healthy"), "done") << "it has no sandbox";
}

TEST_F(RequiredSandbox, IsWeakerAndSaidSoUnlessItIsRequired) {
  without_landlock([&] {
    const Ended drained = drain_both("try");
    EXPECT_THAT(drained.err, HasSubstr("this kernel can't enforce all of a plugin's sandbox"));
  });
  EXPECT_EQ(outcome_of("confined", "spawn"), refused) << "the filter needs no Landlock";
}

TEST_F(RequiredSandbox, IsServedWhereTheKernelEnforcesIt) {
  if (landlock_version() < 6) GTEST_SKIP() << "needs a kernel whose Landlock has version 6 or newer";
  const Ended drained = drain_both("require");
  EXPECT_THAT(drained.err, Not(HasSubstr("can't restrict")));
  EXPECT_EQ(outcome_of("confined", "spawn"), refused);
}

/// A reload that changes the table replaces the hosts.
TEST_F(LandlockSandbox, AReloadAppliesAnotherTable) {
  config = scratch.write("sandbox.toml", "[plugin.trespasser.sandbox]\nspawn = true\n");
  Program runtime({"run"}, surroundings());
  insert("before", "test.trespass", R"({"try":["spawn"]})");
  ASSERT_TRUE(becomes("before", "done")) << runtime.err();
  scratch.write("sandbox.toml", "[plugin.trespasser.sandbox]\n");
  ASSERT_EQ(run({"reload", "--wait"}, surroundings()).code, 0) << runtime.err();
  insert("after", "test.trespass", R"({"try":["spawn"]})");
  ASSERT_TRUE(becomes("after", "done")) << runtime.err();
  EXPECT_EQ(outcome_of("before", "spawn"), allowed);
  EXPECT_EQ(outcome_of("after", "spawn"), refused);
  runtime.signal(SIGTERM);
  EXPECT_EQ(runtime.wait(60), 0) << runtime.err();
}

TEST_F(LandlockSandbox, FilesOfTheSystemCanBeRead) {
  for (const char* path : {"/usr/bin", "/etc/passwd", "/proc/self/maps", "/dev/urandom"}) {
    attempt("[plugin.trespasser.sandbox]\n", {"read"}, path_of(path));
    EXPECT_EQ(result("read"), allowed) << path;
  }
}

TEST_F(LandlockSandbox, OnlyListedPortsAreConnectedTo) {
  const Listener open;
  const Listener closed;
  const std::string table = "[plugin.trespasser.sandbox]\nconnect = [" + open.port() + "]\n";
  attempt(table, {"connect", "connect_by_sending", "connect_udp", "listen"}, port_of(open));
  EXPECT_EQ(result("connect"), allowed);
  EXPECT_EQ(result("connect_udp"), allowed) << "names of hosts are looked up by UDP";
  EXPECT_EQ(result("listen"), denied);
  attempt(table, {"connect", "connect_multipath", "connect_by_sending", "unix_socket"}, port_of(closed));
  EXPECT_EQ(result("connect"), denied);
  for (const char* name : {"connect_multipath", "connect_by_sending", "unix_socket"})
    EXPECT_EQ(result(name), refused) << name;
}

TEST_F(LandlockSandbox, OtherProcessesAreOutOfReach) {
  attempt("[plugin.trespasser.sandbox]\n", {"read_parent", "signal_parent", "signal_itself"});
  EXPECT_EQ(result("read_parent"), denied);
  EXPECT_EQ(result("signal_parent"), refused);
  EXPECT_EQ(result("signal_itself"), allowed);
}

TEST_F(LandlockSandbox, CodeThatRunsWhileAPluginIsLoadedIsConfined) {
  attempt("[plugin.trespasser.sandbox]\nspawn = true\n", {"fork"});
  EXPECT_FALSE(was_loaded_freely());
}

}  // namespace
}  // namespace sluice::test
