// sluice status --watch: a live screen, or blocks one after the other if there is no terminal.
//
// The database may not answer for a long time, so a separate thread asks it. The main thread draws and waits
// for signals, so it always notices Ctrl-C and a resized window at once.
#include <rapidjson/document.h>
#include <rapidjson/writer.h>
#include <signal.h>

#include <ctime>
#include <exception>
#include <iostream>

#include "base/duration.hpp"
#include "base/threads.hpp"
#include "cli/command.hpp"
#include "cli/jobs/jobs.hpp"
#include "cli/status/status.hpp"
#include "cli/text/terminal.hpp"

namespace sluice::cli {

namespace {

using Clock = base::Clock;

constexpr std::chrono::seconds redraw_interval{1};
constexpr std::chrono::milliseconds farewell{500};
constexpr std::size_t longest_reason = 200;

/// The last status, and whether the database answers.
struct Picture {
  std::shared_ptr<const Status> status;  // shared, because the reader continues while it is drawn
  std::uint64_t number = 0;              ///< of this status
  std::string trouble;                   ///< why there is no newer one; empty when the database answers
  Clock::time_point since{};             ///< of the trouble
};

/// Reads the status repeatedly on its own thread. After each read, it sends SIGUSR1 to the thread that
/// created it.
class Reader {
 public:
  Reader(std::unique_ptr<store::DeskSession> desk, std::string title, const StatusOptions& options,
         std::chrono::milliseconds interval)
      : desk_(std::move(desk)),
        title_(std::move(title)),
        options_(options),
        interval_(interval),
        thread_([this] { run(); }) {}
  ~Reader() { stop(); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Picture picture() const {
    const base::Lock lock(mutex_);
    return picture_;
  }

  /// Ends the thread; false if it still waits for the database.
  bool end() {
    stop();
    const auto until = Clock::now() + farewell;
    const base::Lock lock(mutex_);
    while (!over_ && changed_.wait_until(mutex_, until)) {
    }
    return over_;
  }

 private:
  void run() {
    do {
      look();
      pthread_kill(watcher_, SIGUSR1);
    } while (pause());
    const base::Lock lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }

  /// False if the thread must end.
  bool pause() {
    const auto until = Clock::now() + interval_;
    const base::Lock lock(mutex_);
    while (!stopping_ && changed_.wait_until(mutex_, until)) {
    }
    return !stopping_;
  }

  void stop() {
    const base::Lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }

  void look() {
    try {
      auto status = std::make_shared<const Status>(read_status(*desk_, title_, options_));
      const base::Lock lock(mutex_);
      picture_ = {std::move(status), picture_.number + 1, {}, {}};
    } catch (const std::exception& error) {
      const base::Lock lock(mutex_);
      if (picture_.trouble.empty()) picture_.since = Clock::now();
      picture_.trouble = error.what();
    }
  }

  const std::unique_ptr<store::DeskSession> desk_;
  const std::string title_;
  const StatusOptions options_;
  const std::chrono::milliseconds interval_;
  const pthread_t watcher_ = pthread_self();

  mutable base::Mutex mutex_;
  base::Condition changed_;
  Picture picture_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool over_ GUARDED_BY(mutex_) = false;

  base::Thread thread_;
};

/// The signals that the main thread waits for; they are blocked in every thread.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGUSR1}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }

  /// The next signal, or 0 after `timeout`.
  int next(std::chrono::seconds timeout) const {
    const timespec limit{timeout.count(), 0};
    const int signal = sigtimedwait(&set_, nullptr, &limit);
    return signal < 0 ? 0 : signal;
  }

 private:
  sigset_t set_{};
};

bool ends(int signal) {
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
}

std::string clock_time() {
  const std::time_t now = base::WallClock::to_time_t(base::WallClock::now());
  std::tm local{};
  localtime_r(&now, &local);
  char text[16];
  std::strftime(text, sizeof text, "%H:%M:%S", &local);
  return text;
}

std::string trouble_of(const Picture& picture) {
  const auto lasting = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - picture.since);
  return "NO ANSWER for " + base::format_duration(lasting) + ": " + one_line(picture.trouble, longest_reason);
}

std::vector<Block> screen_of(const Picture& picture, const StatusOptions& options, const std::string& every) {
  const std::string line = picture.trouble.empty() ? clock_time() + ", every " + every + ", until Ctrl-C"
                                                   : clock_time() + ", " + trouble_of(picture);
  if (!picture.status) return {{{line}, 1}};
  std::vector<Block> blocks = status_blocks(*picture.status, options);
  blocks[0].lines.insert(blocks[0].lines.begin(), line);
  ++blocks[0].heading;
  return blocks;
}

bool draw(const Terminal& terminal, const Picture& picture, const StatusOptions& options,
          const std::string& every) {
  const Terminal::Size size = Terminal::size();
  std::vector<std::string> lines = fitted(screen_of(picture, options, every), size.height);
  for (std::string& line : lines) line = cut(line, size.width);
  return terminal.draw(lines);
}

void watch_on(const Terminal& terminal, const Signals& signals, const Reader& reader,
              const StatusOptions& options, const std::string& every) {
  for (;;) {
    const int signal = signals.next(redraw_interval);
    if (ends(signal)) return;
    if (signal == SIGTSTP) {
      terminal.leave();
      raise(SIGSTOP);
      terminal.enter();
    }
    if (!draw(terminal, reader.picture(), options, every)) return;
  }
}

/// The object on one line, as a stream of objects needs.
std::string one_object(const std::string& json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.c_str());
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  document.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

void print(const Picture& picture, const StatusOptions& options) {
  if (options.json) {
    std::cout << one_object(status_json(*picture.status, options)) << std::endl;
    return;
  }
  std::cout << clock_time() << "\n";
  for (const std::string& line : joined(status_blocks(*picture.status, options))) std::cout << line << "\n";
  std::cout << std::endl;
}

void print_on(const Signals& signals, const Reader& reader, const StatusOptions& options) {
  std::uint64_t printed = 0;
  bool troubled = false;
  while (std::cout) {
    if (ends(signals.next(redraw_interval))) return;
    const Picture picture = reader.picture();
    const bool now_troubled = !picture.trouble.empty();
    if (now_troubled && !troubled)
      std::cerr << "sluice status: " << picture.trouble << "; still trying" << std::endl;
    if (!now_troubled && troubled) std::cerr << "sluice status: the database answers again" << std::endl;
    troubled = now_troubled;
    if (now_troubled || picture.number == printed) continue;
    print(picture, options);
    printed = picture.number;
  }
}

}  // namespace

int watch_status(std::unique_ptr<store::DeskSession> desk, const std::string& title,
                 const StatusOptions& options, std::chrono::milliseconds interval) {
  const Signals signals;
  const std::string every = base::format_duration(interval);
  Reader reader(std::move(desk), title, options, interval);
  if (options.json || !Terminal::available()) {
    print_on(signals, reader, options);
  } else {
    const Terminal terminal;
    watch_on(terminal, signals, reader, options, every);
  }
  if (!reader.end()) std::_Exit(ExitCode::ok);  // the thread waits for a database that does not answer
  return ExitCode::ok;
}

}  // namespace sluice::cli
