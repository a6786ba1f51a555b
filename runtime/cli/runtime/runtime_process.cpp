#include "cli/runtime/runtime_process.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "workshop/process.hpp"

namespace sluice::cli {

namespace {

// The function of glibc 2.36 lacks C linkage in its header.
bool send_signal(int process, int signal, siginfo_t* info) {
  return syscall(SYS_pidfd_send_signal, process, signal, info, 0) == 0;
}

/// The name of a process's program, "" if it can't be read. The kernel marks a program that was replaced.
std::string program_name(const std::string& process) {
  std::error_code error;
  std::string name = std::filesystem::read_symlink("/proc/" + process + "/exe", error).filename().string();
  const std::string mark = " (deleted)";
  if (name.ends_with(mark)) name.resize(name.size() - mark.size());
  return name;
}

/// How long ago a process began, in seconds; negative if that can't be read.
double age(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return -1;
  std::istringstream fields(text.substr(name_end + 1));
  constexpr int fields_before = 19;  // from the state, number 3, to number 22, the start
  std::string skipped;
  for (int i = 0; i < fields_before; ++i) fields >> skipped;
  double ticks = 0;
  if (!(fields >> ticks)) return -1;
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9 -
         ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

RuntimeProcess::RuntimeProcess(const store::RuntimeReport& runtime)
    : pid_(runtime.info.pid),
      process_("process " + std::to_string(runtime.info.pid)),
      held_(workshop::open_process(runtime.info.pid)) {
  trouble_ = held_.open() ? find_trouble(runtime)
                          : "exited without shutting down: there is no " + process_ +
                                " on this host; another runtime will take its jobs back";
}

std::string RuntimeProcess::find_trouble(const store::RuntimeReport& runtime) const {
  constexpr double slack = 2;  // seconds, for clocks that differ
  const std::string program = program_name(std::to_string(runtime.info.pid));
  if (program.empty())
    return "can't be checked: " + process_ + " belongs to another user; run this as that user or as root";
  if (program != program_name("self") || age(runtime.info.pid) + slack < runtime.uptime) {
    return "exited without shutting down: " + process_ + " is a different process now (" + program +
           "); another runtime will take its jobs back";
  }
  return "";
}

bool RuntimeProcess::send(int signal) {
  if (send_signal(held_.get(), signal, nullptr)) return true;
  trouble_ = "can't be sent a signal (" + process_ + "): " + std::strerror(errno);
  return false;
}

bool RuntimeProcess::send(int signal, std::uint64_t value) {
  if (!catches(signal)) {
    trouble_ = "can't be asked (" + process_ +
               "): it is starting, stopping, or of a version without canaries; try again, or restart it";
    return false;
  }
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  static_assert(sizeof info.si_value == sizeof value);
  std::memcpy(&info.si_value, &value, sizeof value);
  if (send_signal(held_.get(), signal, &info)) return true;
  trouble_ = "can't be sent a signal (" + process_ + "): " + std::strerror(errno);
  return false;
}

/// As the kernel shows it: a mask in which the lowest bit is signal 1.
bool RuntimeProcess::catches(int signal) const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
  const std::string key = "SigCgt:";
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const std::uint64_t mask = std::strtoull(line.c_str() + key.size(), nullptr, 16);
    return (mask >> static_cast<unsigned>(signal - 1) & 1U) != 0;
  }
  return false;
}

}  // namespace sluice::cli
