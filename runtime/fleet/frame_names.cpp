#include "fleet/frame_names.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "base/harmless.hpp"
#include "base/text.hpp"
#include "fleet/host_program.hpp"
#include "fleet/orphans.hpp"
#include "fleet/spawn.hpp"
#include "wire/descriptors.hpp"

namespace sluice::fleet {

namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds patience{5};
constexpr std::size_t longest_text = 16 * 1024;
constexpr int most_at_once = 2;

std::string file_of(const wire::Stack::Frame& frame, const LoadedFile& plugin) {
  std::error_code error;
  if (frame.file.empty()) return std::filesystem::read_symlink(host_program(), error).string();
  return frame.file == wire::plugin_fd_path ? plugin.path : frame.file;
}

/// The input of sluice-symbols.
std::string question(const wire::Stack& stack, const LoadedFile& plugin) {
  std::string lines;
  for (std::size_t i = 0; i < stack.frames.size(); ++i) {
    const auto& frame = stack.frames[i];
    const bool is_call = i > 0 || stack.signal == 0;
    const std::string file = frame.known ? file_of(frame, plugin) : "?";
    if (file.find('\n') != std::string::npos) continue;
    lines += base::hexadecimal(frame.offset) + (is_call ? " 1 " : " 0 ") + file + '\n';
  }
  return lines;
}

/// What the program wrote comes from the plugin's file.
std::string harmless(const std::string& answer) {
  return base::harmless_lines(base::shortened(answer, longest_text));
}

/// One run of the program. It owns itself through its handlers in the loop.
class Run : public std::enable_shared_from_this<Run> {
 public:
  Run(asio::io_context& loop, HelperProcess process, std::string question,
      std::function<void(std::string)> done)
      : process_(std::move(process)),
        in_(loop, process_.in.release()),
        out_(loop, process_.out.release()),
        timer_(loop, patience),
        question_(std::move(question)),
        done_(std::move(done)) {
    ++running;
  }
  ~Run() { --running; }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void begin() {
    timer_.async_wait([self = shared_from_this()](const auto& error) {
      if (!error) self->out_.cancel();
    });
    asio::async_write(in_, asio::buffer(question_),
                      [self = shared_from_this()](const auto&, std::size_t) { self->in_.close(); });
    read();
  }

  static int running;

 private:
  void read() {
    out_.async_read_some(asio::buffer(buffer_),
                         [self = shared_from_this()](const auto& error, std::size_t size) {
                           self->answer_.append(self->buffer_.data(), size);
                           const bool too_much = self->answer_.size() > longest_text;
                           if (error || too_much) return self->end(error == asio::error::eof || too_much);
                           self->read();
                         });
  }

  void end(bool complete) {
    timer_.cancel();
    boost::system::error_code closed;
    in_.cancel(closed);
    ::kill(process_.pid, SIGKILL);
    waitpid(process_.pid, nullptr, 0);
    forget_child(process_.pid);
    done_(complete ? harmless(answer_) : std::string());
  }

  HelperProcess process_;
  asio::posix::stream_descriptor in_;
  asio::posix::stream_descriptor out_;
  asio::steady_timer timer_;
  const std::string question_;
  const std::function<void(std::string)> done_;
  std::array<char, 4096> buffer_{};
  std::string answer_;
};

int Run::running = 0;

}  // namespace

void name_frames(asio::io_context& loop, const wire::Stack& stack, const LoadedFile& plugin,
                 std::function<void(std::string)> done) {
  auto finish = [done = std::move(done), unnamed = unnamed_frames(stack, plugin)](const std::string& named) {
    done(named.empty() ? unnamed : named);
  };
  try {
    if (Run::running < most_at_once) {
      std::make_shared<Run>(loop, spawn_symbols(plugin.path, plugin.fd), question(stack, plugin), finish)
          ->begin();
      return;
    }
  } catch (const std::exception&) {  // an installation without the program, or no process to be had
  }
  asio::post(loop, [finish] { finish({}); });
}

std::string unnamed_frames(const wire::Stack& stack, const LoadedFile& plugin) {
  std::string lines;
  for (std::size_t i = 0; i < stack.frames.size(); ++i) {
    const auto& frame = stack.frames[i];
    const std::string file = file_of(frame, plugin);
    lines += "#" + std::to_string(i) + "  " +
             (frame.known ? file.substr(file.rfind('/') + 1) + "+" : std::string()) +
             base::hexadecimal(frame.offset) + "\n";
  }
  return harmless(lines);
}

std::string signature(const wire::Stack& stack) {
  constexpr std::size_t innermost = 5;
  std::string text = std::to_string(stack.signal);
  for (std::size_t i = 0; i < stack.frames.size() && i < innermost; ++i) {
    const auto& frame = stack.frames[i];
    if (frame.known) text += ' ' + frame.file + '+' + base::hexadecimal(frame.offset);
  }
  return text;
}

}  // namespace sluice::fleet
