// Which plugin files are loaded: owners and permissions, sluice.lock, signatures, and that the file that was
// checked is the file that is loaded.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

std::string fixture(const std::string& name) {
  return std::string(SLUICE_TEST_PLUGINS) + "/" + name + ".so";
}

/// Takes its place in one step.
void put(const std::string& from, const std::string& to) {
  fs::copy_file(from, to + ".new", fs::copy_options::overwrite_existing);
  fs::rename(to + ".new", to);
}

class Trust : public ::testing::Test {
 protected:
  std::string file() const { return plugins.path() + "/probe.so"; }
  void configure(const std::string& keys) { config = scratch.write("trust.toml", "[plugins]\n" + keys); }
  Ended list() const { return list_of(plugins.path()); }
  Ended list_of(const std::string& directory) const {
    return run({"plugin", "list", "--plugins", directory}, {{"SLUICE_CONFIG", config}});
  }
  Ended lock(const std::string& more = "") const {
    std::vector<std::string> arguments{"plugin", "lock", plugins.path()};
    if (!more.empty()) arguments.push_back(more);
    return run(arguments);
  }
  void expect_usable() const {
    const Ended listed = list();
    EXPECT_EQ(listed.code, 0) << listed.out << listed.err;
  }
  void expect_refusal(const std::string& words) const {
    const Ended listed = list();
    EXPECT_EQ(listed.code, 1) << listed.out;
    EXPECT_THAT(listed.out, HasSubstr("/probe.so: found " + words)) << listed.err;
  }
  std::string lock_file() const { return plugins.path() + "/sluice.lock"; }

  PluginDirectory plugins{{"good/probe"}};
  Scratch scratch;
  std::string config = scratch.write("default.toml", "[plugins]\n");
};

TEST_F(Trust, ADirectoryAboveThatEverybodyMayWriteToIsRefused) {
  const std::string outer = scratch.path("outer");
  fs::create_directories(outer + "/plugins");
  put(file(), outer + "/plugins/probe.so");
  ASSERT_EQ(chmod(outer.c_str(), 0777), 0);
  EXPECT_THAT(list_of(outer + "/plugins").out,
              HasSubstr("found the directory " + outer + " that is world-writable (mode 0777)"));
  ASSERT_EQ(chmod(outer.c_str(), 01777), 0);
  EXPECT_EQ(list_of(outer + "/plugins").code, 0) << "like /tmp: only an owner can replace an entry";
  ASSERT_EQ(chmod(outer.c_str(), 0777), 0);
  configure("ownership = \"ignore\"");
  EXPECT_EQ(list_of(outer + "/plugins").code, 0);
}

TEST_F(Trust, AStickyPluginDirectoryIsRefused) {
  ASSERT_EQ(chmod(plugins.path().c_str(), 01777), 0);
  expect_refusal("the directory " + plugins.path() + " that is world-writable (mode 1777)");
}

TEST_F(Trust, AGroupMayWriteWithAWarningUnlessItIsStrict) {
  ASSERT_EQ(chmod(file().c_str(), 0775), 0);
  const Ended listed = list();
  EXPECT_EQ(listed.code, 0) << listed.out;
  EXPECT_THAT(listed.err, HasSubstr("every member of a group can replace plugins"));
  EXPECT_THAT(listed.err, HasSubstr(file()));
  configure("ownership = \"strict\"");
  expect_refusal("a file that is group-writable (mode 0775)");
  configure("ownership = \"ignore\"");
  EXPECT_THAT(list().err, Not(HasSubstr("every member of a group")));
}

TEST_F(Trust, ALinkIsFollowedToTheRealFileAndItsDirectories) {
  const std::string elsewhere = scratch.path("elsewhere");
  fs::create_directories(elsewhere);
  put(file(), elsewhere + "/real.so");
  fs::remove(file());
  fs::create_symlink(elsewhere + "/real.so", file());
  expect_usable();
  ASSERT_EQ(chmod(elsewhere.c_str(), 0777), 0);
  expect_refusal("the directory " + elsewhere + " that is world-writable");
}

TEST_F(Trust, AHardLinkHasThePermissionsOfItsFile) {
  put(file(), scratch.path("outside.so"));
  fs::remove(file());
  fs::create_hard_link(scratch.path("outside.so"), file());
  expect_usable();
  ASSERT_EQ(chmod(scratch.path("outside.so").c_str(), 0666), 0);
  expect_refusal("a file that is world-writable (mode 0666)");
}

TEST_F(Trust, FilesDirectoriesAndLinksOfOtherUsersAreRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file to another user";
  ASSERT_EQ(lchown(file().c_str(), 12345, 0), 0);
  expect_refusal("a file owned by user id 12345, expected root or user id 0");
  ASSERT_EQ(lchown(file().c_str(), 0, 0), 0);
  ASSERT_EQ(lchown(plugins.path().c_str(), 12345, 0), 0);
  expect_refusal("the directory " + plugins.path() + " owned by user id 12345");
  ASSERT_EQ(lchown(plugins.path().c_str(), 0, 0), 0);
  fs::rename(file(), scratch.path("real.so"));
  fs::create_symlink(scratch.path("real.so"), file());
  ASSERT_EQ(lchown(file().c_str(), 12345, 0), 0);
  expect_refusal("the symbolic link " + file() + " owned by user id 12345");
}

TEST_F(Trust, ALockedFileIsLoadedAndAChangedOneIsRefused) {
  const Ended locked = lock();
  EXPECT_EQ(locked.code, 0) << locked.err;
  EXPECT_EQ(locked.out, lock_file() + " has the digests of 1 plugin\n");
  expect_usable();
  EXPECT_EQ(lock("--check").code, 0);
  put(fixture("good/noop"), file());
  expect_refusal("a file whose SHA-256 is ");
  const Ended checked = lock("--check");
  EXPECT_EQ(checked.code, 1);
  EXPECT_EQ(checked.out, "  probe.so: changed\n");
  EXPECT_EQ(lock().code, 0);
  expect_usable();
}

TEST_F(Trust, TheLockIsReadBySha256sumToo) {
  ASSERT_EQ(lock().code, 0);
  Program shell({"-c", "cd '" + plugins.path() + "' && sha256sum --strict --quiet -c sluice.lock"}, {}, "",
                "sh");
  EXPECT_EQ(shell.wait(), 0) << shell.err();
}

TEST_F(Trust, CheckNamesWhatIsMissingAndWhatIsNotLocked) {
  ASSERT_EQ(lock().code, 0);
  fs::rename(file(), plugins.path() + "/other.so");
  const Ended checked = lock("--check");
  EXPECT_EQ(checked.code, 1);
  EXPECT_EQ(checked.out, "  other.so: not in the lock\n  probe.so: missing\n");
  fs::remove(lock_file());
  EXPECT_EQ(lock("--check").code, 2);
}

TEST_F(Trust, AStrictRuntimeLoadsOnlyWhatIsVouchedFor) {
  configure("strict = true");
  expect_refusal("a file that neither sluice.lock nor a signature vouches for, expected one of them");
  ASSERT_EQ(lock().code, 0);
  expect_usable();
  fs::copy_file(fixture("good/noop"), plugins.path() + "/noop.so");
  EXPECT_THAT(list().out, HasSubstr("/noop.so: found a file that neither"));
  configure("");
  EXPECT_EQ(list().code, 0) << "a file without an entry is only refused if that is strict";
}

TEST_F(Trust, ATrialAndACheckOfAPluginKeepToTheLock) {
  const auto try_it = [&] {
    return run({"plugin", "run", file(), "test.probe"}, {{"SLUICE_CONFIG", config}});
  };
  const auto check = [&] { return run({"plugin", "check", file()}, {{"SLUICE_CONFIG", config}}); };
  ASSERT_EQ(lock().code, 0);
  EXPECT_EQ(try_it().code, 0);
  EXPECT_THAT(check().out, HasSubstr("and what the lock or the signature says of it"));
  put(fixture("good/noop"), file());
  EXPECT_EQ(try_it().code, 1);
  EXPECT_THAT(try_it().err, HasSubstr("found a file whose SHA-256 is "));
  EXPECT_EQ(check().code, 1);
  EXPECT_THAT(check().out, HasSubstr("found a file whose SHA-256 is "));
  fs::remove(lock_file());
  put(fixture("good/probe"), file());
  configure("strict = true");
  EXPECT_THAT(try_it().err, HasSubstr("found a file that neither sluice.lock nor a signature vouches for"));
  EXPECT_EQ(check().code, 1);
}

TEST_F(Trust, ALockThatOthersMayWriteToIsNoLock) {
  ASSERT_EQ(lock().code, 0);
  ASSERT_EQ(chmod(lock_file().c_str(), 0666), 0);
  expect_refusal("the lock file sluice.lock that is world-writable (mode 0666)");
}

TEST_F(Trust, ABrokenLockRefusesAllFiles) {
  plugins.scratch().write("sluice.lock", "# a comment\n\nnot a digest  probe.so\n");
  expect_refusal("that line 3 of '" + lock_file() + "' is not an entry");
  fs::remove(lock_file());
  ASSERT_EQ(mkfifo(lock_file().c_str(), 0600), 0);
  expect_refusal("that the lock file '" + lock_file() + "' is not a regular file");
}

TEST_F(Trust, AnEmptyFileAndAPipeAreRefusedWhenTheirContentIsChecked) {
  ASSERT_EQ(lock().code, 0);
  fs::remove(file());
  plugins.scratch().write("probe.so", "");
  expect_refusal("an empty file, expected an ELF shared library");
  fs::remove(file());
  ASSERT_EQ(mkfifo(file().c_str(), 0600), 0);
  expect_refusal("something other than a regular file");
  fs::remove(file());
  fs::create_directory(file());
  expect_refusal("a directory, expected a regular file");
}

/// Has minisign's keys and signs with them.
class Signed : public Trust {
 protected:
  void SetUp() override {
    if (!is_installed()) GTEST_SKIP() << "minisign is not installed";
    make_key("release");
    configure("keys = { release = \"" + public_key("release") + "\" }\nstrict = true");
  }
  static bool is_installed() {
    Program found({"-c", "command -v minisign"}, {}, "", "sh");
    return found.wait() == 0;
  }
  void make_key(const std::string& name) const {
    minisign({"-G", "-W", "-p", scratch.path(name + ".pub"), "-s", scratch.path(name + ".key")});
  }
  std::string public_key(const std::string& name) const {
    const std::string text = scratch.read(name + ".pub");
    const std::size_t begin = text.find('\n') + 1;
    return text.substr(begin, text.find('\n', begin) - begin);
  }
  void sign(const std::string& path, const std::string& key = "release", const std::string& more = "") const {
    std::vector<std::string> arguments{"-S", "-s", scratch.path(key + ".key"), "-m", path};
    if (!more.empty()) arguments.push_back(more);
    minisign(arguments);
  }
  static void minisign(const std::vector<std::string>& arguments) {
    Program program(arguments, {}, "", "minisign");
    ASSERT_EQ(program.wait(), 0) << program.err() << program.out();
  }
  std::string signature() const { return file() + ".minisig"; }
  void replace_in_signature(const std::string& what, const std::string& by) const {
    std::string text = plugins.scratch().read("probe.so.minisig");
    const std::size_t at = text.find(what);
    ASSERT_NE(at, std::string::npos) << text;
    plugins.scratch().write("probe.so.minisig", text.replace(at, what.size(), by));
  }
};

TEST_F(Signed, AFileIsLoadedWithItsSignature) {
  expect_refusal("a file that neither");
  sign(file());
  expect_usable();
}

TEST_F(Signed, TheOldFormatIsAcceptedToo) {
  sign(file(), "release", "-l");
  expect_usable();
}

TEST_F(Signed, AChangedFileIsRefused) {
  sign(file());
  put(fixture("good/noop"), file());
  expect_refusal("a signature that is not of this file");
}

TEST_F(Signed, TheSignatureOfAnotherFileIsRefused) {
  fs::copy_file(fixture("good/noop"), scratch.path("noop.so"));
  sign(scratch.path("noop.so"));
  fs::copy_file(scratch.path("noop.so.minisig"), signature());
  expect_refusal("a signature that is not of this file");
  put(fixture("good/noop"), file());
  expect_refusal("the signature of a file named 'noop.so', expected that of 'probe.so'");
}

TEST_F(Signed, AnotherKeyIsRefused) {
  make_key("other");
  sign(file(), "other");
  expect_refusal("a signature by the key ");
  configure("keys = { release = \"" + public_key("release") + "\", other = \"" + public_key("other") +
            "\" }");
  expect_usable();
}

TEST_F(Signed, AChangedTrustedCommentIsRefused) {
  sign(file());
  replace_in_signature("file:probe.so", "file:Probe.so");
  expect_refusal("a signature whose trusted comment was changed");
}

TEST_F(Signed, ATruncatedOrEmptySignatureIsRefused) {
  sign(file());
  const std::string whole = plugins.scratch().read("probe.so.minisig");
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{80}, whole.size() - 5}) {
    plugins.scratch().write("probe.so.minisig", whole.substr(0, size));
    expect_refusal("a signature that is not in minisign's format");
  }
  fs::remove(signature());
  ASSERT_EQ(mkfifo(signature().c_str(), 0600), 0);
  expect_refusal("that its signature '" + signature() + "' is not a regular file");
}

TEST_F(Signed, ASignatureDoesNotReplaceTheLock) {
  ASSERT_EQ(lock().code, 0);
  put(fixture("good/noop"), file());
  sign(file());
  expect_refusal("a file whose SHA-256 is ");
}

TEST_F(Signed, AWrongKeyIsAnErrorOfTheConfiguration) {
  configure("keys = { release = \"RWQshort\" }");
  const Ended checked = run({"config", "check"}, {{"SLUICE_CONFIG", config}});
  EXPECT_EQ(checked.code, 2) << checked.out;
  EXPECT_THAT(checked.err,
              HasSubstr("'plugins.keys': has 'release', which is not the second line of a public key"));
}

/// A runtime whose plugin directory is locked.
class LockedRuntime : public Outbox {
 protected:
  std::string file() const { return plugins.path() + "/probe.so"; }
  void lock() const {
    const Ended locked = sluice({"plugin", "lock", plugins.path()});
    ASSERT_EQ(locked.code, 0) << locked.err;
  }
  Program& start(const std::string& keys = "", const std::string& more = "") {
    config = scratch.write("trust.toml", scratch.read("sluice.toml") + "[plugins]\nstrict = true\n" + keys +
                                             "\n[plugin.probe]\n" + more);
    program_ = std::make_unique<Program>(std::vector<std::string>{"run"}, environment());
    EXPECT_TRUE(program_->says("plugins loaded")) << program_->err();
    return *program_;
  }
  std::string code(const std::string& id) {
    return database.value("SELECT code FROM sluice.attempt WHERE job_id = $1 ORDER BY at DESC LIMIT 1", {id});
  }

 private:
  std::unique_ptr<Program> program_;
};

TEST_F(LockedRuntime, ARuntimeStartsWithoutAFileThatIsRefused) {
  fs::copy_file(fixture("good/noop"), plugins.path() + "/noop.so");
  lock();
  put(fixture("bad/crash_static"), plugins.path() + "/noop.so");
  Program& program = start();
  EXPECT_THAT(program.err(), HasSubstr("/noop.so: found a file whose SHA-256 is"));
  insert("other", "test.probe");
  EXPECT_TRUE(becomes("other", "done")) << program.err();
}

/// The first host loads what was checked; so does each later one, although the file is another one by then.
TEST_F(LockedRuntime, TheFileThatWasCheckedIsTheOneThatIsLoaded) {
  lock();
  Program& program = start();
  insert("first", "test.probe");
  ASSERT_TRUE(becomes("first", "done")) << program.err();
  // Other content in the same file, with the same time, which a check of the inode would not notice.
  struct stat before {};
  ASSERT_EQ(stat(file().c_str(), &before), 0);
  fs::resize_file(file(), 0);
  fs::resize_file(file(), static_cast<std::uintmax_t>(before.st_size));
  const timespec times[] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, file().c_str(), times, 0), 0);
  insert("crashes", "test.once", R"({"do":"crash"})");
  ASSERT_TRUE(becomes("crashes", "error")) << program.err();
  insert("second", "test.probe");
  EXPECT_TRUE(becomes("second", "done")) << "a new host has the content that was checked\n" << program.err();
  // A new file in its place is not loaded by a restart either.
  put(fixture("bad/crash_static"), file());
  insert("crashes again", "test.once", R"({"do":"crash"})");
  ASSERT_TRUE(becomes("crashes again", "error")) << program.err();
  insert("third", "test.probe");
  EXPECT_TRUE(becomes("third", "done")) << program.err();
}

TEST_F(LockedRuntime, AFileThatIsReplacedIsRefusedAtTheReloadAndTheOldOneContinues) {
  lock();
  Program& program = start();
  put(fixture("good/noop"), file());
  program.signal(SIGHUP);
  EXPECT_TRUE(program.says("plugin refused, the present version continues")) << program.err();
  EXPECT_THAT(program.err(), HasSubstr("as sluice.lock says"));
  insert("still", "test.probe");
  EXPECT_TRUE(becomes("still", "done")) << program.err();
}

/// Its content was checked when it was new. The lock is its successor's by now.
TEST_F(LockedRuntime, ARollbackRunsTheFormerFileThatWasChecked) {
  fs::copy_file(fixture("editions/edition_1"), plugins.path() + "/edition.so");
  lock();
  Program& program = start();
  put(fixture("editions/edition_2"), plugins.path() + "/edition.so");
  lock();
  ASSERT_EQ(sluice({"reload", "--wait"}).code, 0) << program.err();
  const Ended back = sluice({"reload", "--rollback", "--wait"});
  EXPECT_EQ(back.code, 0) << back.out << back.err;
  EXPECT_THAT(back.out, HasSubstr("edition  1.0.0             3  replaced"));
}

TEST_F(LockedRuntime, AReloadDoesNotMakeItLessStrict) {
  lock();
  Program& program = start();
  scratch.write("trust.toml", scratch.read("sluice.toml"));
  fs::remove(plugins.path() + "/sluice.lock");
  fs::copy_file(fixture("good/noop"), plugins.path() + "/noop.so");
  program.signal(SIGHUP);
  EXPECT_TRUE(program.says("/noop.so: found a file that neither sluice.lock nor a signature vouches for"))
      << program.err();
  EXPECT_TRUE(program.says("some changed settings take effect only after a restart"));
  EXPECT_THAT(program.err(), HasSubstr("plugins.strict"));
}

TEST_F(LockedRuntime, ACopyIsLoadedInASandboxThatDoesNotReachFurther) {
  if (syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) < 1) GTEST_SKIP() << "the kernel has no Landlock";
  PluginDirectory directory({"bad/trespasser"});
  const Ended locked = sluice({"plugin", "lock", directory.path()});
  ASSERT_EQ(locked.code, 0) << locked.err;
  config = scratch.write("sandbox.toml", scratch.read("sluice.toml") +
                                             "[plugins]\nstrict = true\n[plugin.trespasser.sandbox]\n");
  auto all = environment();
  all["SLUICE_PLUGIN_DIR"] = directory.path();
  all["TRESPASSER_FILE"] = scratch.path("at_load");
  const std::string secret = scratch.write("secret", "x");
  insert("reads", "test.trespass", R"({"try":["read"],"path":")" + secret + "\"}");
  const Ended drained = run({"drain"}, all);
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_EQ(status("reads"), "done") << drained.err;
  EXPECT_EQ(database.value("SELECT output::jsonb ->> 'read' FROM sluice.output WHERE job_id = 'reads'"),
            "Permission denied");
}

TEST_F(LockedRuntime, AStackOfACopyIsNamed) {
  lock();
  Program& program = start();
  insert("crashes", "test.once", R"({"do":"crash"})");
  ASSERT_TRUE(becomes("crashes", "error")) << program.err();
  EXPECT_THAT(database.value("SELECT stack FROM sluice.attempt WHERE job_id = 'crashes'"),
              HasSubstr("write_to_null"));
}

}  // namespace
}  // namespace sluice::test
