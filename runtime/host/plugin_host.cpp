#include "host/plugin_host.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sluice/extensions.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "base/threads.hpp"
#include "base/version.hpp"
#include "host/build_id.hpp"
#include "host/channel.hpp"
#include "host/confinement.hpp"
#include "host/crash_note.hpp"
#include "host/file_gate.hpp"
#include "host/library.hpp"
#include "host/orphans.hpp"
#include "host/refusal.hpp"
#include "host/secret_store.hpp"
#include "host/slots.hpp"
#include "host/user.hpp"
#include "walls/landlock.hpp"
#include "walls/syscall_filter.hpp"
#include "wire/bounds.hpp"
#include "wire/descriptors.hpp"
#include "wire/frame.hpp"
#include "wire/shared_page.hpp"

namespace sluice::host {

namespace {

constexpr std::size_t read_size = 256 * 1024;

/// A plugin's message about a failure, cut to leave room for the rest of its refusal.
std::string words(sluice_str view) {
  return view.data == nullptr
             ? std::string()
             : base::valid_utf8(base::shortened({view.data, view.size}, wire::longest_error / 2));
}

/// Signals that wait are counted for all processes of a user, and so are their timers. This leaves half of
/// them to the runtime.
void limit_waiting_signals() {
  rlimit limit{};
  if (getrlimit(RLIMIT_SIGPENDING, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return;
  limit.rlim_max /= 2;
  limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max);
  setrlimit(RLIMIT_SIGPENDING, &limit);
}

/// Ends the process if the other end of `socket` is closed.
class LonelyExit {
 public:
  explicit LonelyExit(int socket) : socket_(socket), thread_([this] { watch(); }) {}
  ~LonelyExit() {
    {
      const base::Lock lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
  }
  LonelyExit(const LonelyExit&) = delete;
  LonelyExit& operator=(const LonelyExit&) = delete;

 private:
  void watch() {
    constexpr std::chrono::milliseconds interval{20};
    const base::Lock lock(mutex_);
    while (!over_) {
      char byte = 0;
      if (::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) _exit(0);
      changed_.wait_until(mutex_, base::Clock::now() + interval);
    }
  }

  // constant
  const int socket_;

  base::Mutex mutex_;
  base::Condition changed_;
  bool over_ GUARDED_BY(mutex_) = false;

  base::Thread thread_;
};

class PluginHost {
 public:
  PluginHost(int socket, wire::SharedPage page) : socket_(socket), page_(std::move(page)), channel_(socket) {}

  /// For the life of the process.
  void note_crashes() { note_crashes_in(page_); }
  void have_own_process() {
    has_own_process_ = true;
    orphans_.adopt();
    constexpr timeval interval{Orphans::interval.count(), 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &interval, sizeof interval);
  }

  void run() {
    while (!stopped_) {
      while (const auto frame = reader_.next()) take(*frame);
      if (!stopped_) read_more();
    }
  }

 private:
  void read_more() {
    char* const room = reader_.room(read_size);
    const ssize_t size = ::read(socket_, room, read_size);
    const int error = errno;
    orphans_.look();
    if (size > 0) {
      reader_.filled(static_cast<std::size_t>(size));
    } else if (size == 0 || (error != EINTR && error != EAGAIN)) {
      _exit(0);
    }
  }

  void take(const wire::Frame& frame) {
    switch (frame.kind) {
      case wire::Kind::load:
        return or_refuse([&] { load(wire::get_load(frame.body)); });
      case wire::Kind::start:
        return or_refuse([&] { start(wire::get_start(frame.body)); });
      case wire::Kind::jobs:
        return queue(frame.body);
      case wire::Kind::stop:
        return stop();
      default:
        throw wire::Malformed("a frame that a plugin host does not accept");
    }
  }

  template <class Step>
  void or_refuse(Step step) {
    try {
      step();
    } catch (const std::runtime_error& refusal) {
      channel_.send([&](std::string& out) { wire::put_refused(out, refusal.what()); });
    }
  }

  void load(const wire::Load& load) {
    if (load.user) {
      check_plugin_owners(load.path, load.ownership);
      become(*load.user);
    }
    check_plugin_file(load.path, load.user ? base::Ownership::ignore : load.ownership);
    confine(load.sandbox, load.path, load.place.empty() ? load.path : load.place);
    library_ = open_library(load.path);
    library_->spec.build_id = build_id_of(load.path);
    for (const job::TypeSpec& type : library_->spec.types)
      schemas_.push_back(compiled("the payload schema of '" + type.name + "'", type.payload_schema));
    config_schema_.emplace(compiled("the schema of its configuration", library_->spec.config_schema));
    std::string frame;
    wire::put_described(frame, library_->spec);
    if (frame.size() > wire::longest_plugin_frame) {
      throw Refusal("declarations of " + wire::byte_words(frame.size()) + " in all",
                    "at most " + wire::byte_words(wire::longest_plugin_frame),
                    "shorten its schemas and examples");
    }
    channel_.send([&](std::string& out) { out += frame; });
  }

  static Schema compiled(const std::string& what, const std::string& schema) {
    try {
      return Schema(schema);
    } catch (const Refusal& refusal) {
      throw std::runtime_error(what + " can't be used: " + refusal.what());
    }
  }

  void start(const wire::Start& start) {
    channel_.begin();
    log_level_ = start.log_level;
    channel_.limit_log(start.log_limit);
    take_secrets(start.secrets);
    host_ = {sizeof(sluice_host),
             SLUICE_ABI_MAJOR,
             SLUICE_ABI_MINOR,
             this,
             {base::version().data(), base::version().size()},
             start.slots,
             0,
             log,
             set_error,
             get_extension};
    check_config(start);
    if (library_->descriptor->init != nullptr) {
      const std::int32_t result =
          library_->descriptor->init(&host_, {start.config.data(), start.config.size()}, &self_);
      if (result != 0) {
        throw Refusal(
            "that init returned " + std::to_string(result) + (error_.empty() ? "" : " (" + error_ + ")"), "0",
            "fix the reported problem; the plugin's configuration is [plugin." + library_->spec.name +
                ".config]");
      }
    }
    std::vector<bool> strict;
    for (const job::TypeSpec& type : library_->spec.types) strict.push_back(start.strict.of(type.name));
    slots_.emplace(
        Slots::Context{*library_, host_, self_, channel_, page_, log_level_, start.effects,
                       start.all_progress, schemas_, std::move(strict), start.most_requests, secrets_},
        start.slots);
    orphans_.spare_present();
    channel_.send([](std::string& out) { wire::put_ready(out); });
  }

  /// Other processes of the same user, such as the hosts of other plugins, must not read them in its memory.
  void take_secrets(const job::Secrets& secrets) {
    secrets_.take(secrets);
    if (!secrets_.empty() && has_own_process_) prctl(PR_SET_DUMPABLE, 0);
  }

  /// The configuration may hold secrets, so no sentence quotes it.
  void check_config(const wire::Start& start) {
    const Verdict verdict = config_schema_->check(start.config, "the configuration", Quotes::no_strings);
    const std::string table = "[plugin." + library_->spec.name + ".config]";
    if (verdict.problem) {
      throw Refusal("that " + *verdict.problem, "a configuration that passes the plugin's schema",
                    "correct " + table + " in the configuration file");
    }
    if (verdict.ignored.empty()) return;
    if (start.strict.plugin) {
      throw Refusal("members of the configuration that nothing reads: " + ignored_words(verdict.ignored),
                    "none, because the plugin is strict",
                    "remove them from " + table + ", or set strict = false");
    }
    const wire::LogLine line = ignored_line(-1, "the configuration " + table, verdict.ignored);
    if (line.level >= log_level_) channel_.log(line);
  }

  void queue(std::string_view body) {
    std::vector<QueuedJob> jobs;
    for (const wire::JobOrder& order : wire::get_jobs(body)) {
      jobs.push_back({order.ticket, order.type_index, order.attempt, order.max_attempts, order.created_at_us,
                      order.limit_us, std::string(order.id), std::string(order.payload)});
    }
    slots_->push(std::move(jobs));
  }

  /// Gives back jobs that have not started, lets the others end, then tells the runtime that it stops.
  void stop() {
    if (slots_) {
      for (const std::uint32_t ticket : slots_->take_back()) {
        job::Outcome released;
        released.result = job::Result::released;
        channel_.send([&](std::string& out) { wire::put_outcome(out, ticket, released); });
      }
      // The socket is watched meanwhile, so the handlers end if the runtime dies.
      const LonelyExit watch(socket_);
      slots_.reset();
      if (library_->descriptor->shutdown != nullptr) library_->descriptor->shutdown(self_);
    }
    channel_.send([](std::string& out) { wire::put_stopped(out); });
    stopped_ = true;
  }

  static PluginHost& of(const sluice_host* host) { return *static_cast<PluginHost*>(host->host_data); }

  static void log(const sluice_host* host, std::int32_t level, sluice_str message,
                  const sluice_field* const* fields, std::size_t field_count) noexcept {
    const wire::LogLine line = to_log_line(-1, level, message, fields, field_count);
    if (line.level < of(host).log_level_) return;
    of(host).channel_.log(line);
  }

  static void set_error(const sluice_host* host, sluice_str message) noexcept {
    if (base::Thread::current() == of(host).main_thread_) {
      of(host).error_ = words(message);
    } else {
      set_slot_error(words(message));
    }
  }

  static const void* get_extension(const sluice_host* host, sluice_str id) noexcept {
    const std::string_view wanted(id.data == nullptr ? "" : id.data, id.size);
    return wanted == SLUICE_EXTENSION_SECRETS ? of(host).secrets_.extension() : nullptr;
  }

  const base::Thread::Id main_thread_ = base::Thread::current();
  const int socket_;
  wire::SharedPage page_;
  Channel channel_;
  wire::FrameReader reader_;
  std::optional<Library> library_;
  std::vector<Schema> schemas_;  // payload schemas by type
  std::optional<Schema> config_schema_;
  SecretStore secrets_;
  sluice_host host_{};
  void* self_ = nullptr;
  std::string error_;
  int log_level_ = SLUICE_LOG_INFO;
  std::optional<Slots> slots_;
  bool has_own_process_ = false;
  Orphans orphans_;
  bool stopped_ = false;
};

}  // namespace

void serve_plugin(int socket, wire::SharedPage page) {
  PluginHost(socket, std::move(page)).run();
}

int run_plugin_host() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // so that a write beyond the limit of a file's size fails, and nothing more
  setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  fcntl(wire::socket_fd, F_SETFD, FD_CLOEXEC);
  fcntl(wire::page_fd, F_SETFD, FD_CLOEXEC);
  fcntl(wire::plugin_fd, F_SETFD, FD_CLOEXEC);
  try {
    limit_waiting_signals();
    walls::refuse_dangerous_calls(walls::wall_off());
    wire::SharedPage page = wire::SharedPage::open(base::Descriptor(wire::page_fd));
    // Never deleted, because a handler may call exit(), which is noted in the page.
    static auto* const host = new PluginHost(wire::socket_fd, std::move(page));
    host->note_crashes();
    host->have_own_process();
    host->run();
    std::fflush(nullptr);
    _exit(0);  // the plugin was shut down; its exit handlers and static destructors must not change the exit
               // code
  } catch (const std::exception& error) {
    std::fprintf(stderr, "plugin host: %s\n", error.what());
    return 1;
  }
}

}  // namespace sluice::host
