// A process that we talk to over a socket, its standard input. It gets a clean environment, without what
// ours knows, and a directory for temporary files, which goes when it goes. For one thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "descriptor.hpp"

namespace pdf {

class Child {
 public:
  /// Starts `command`, whose first word is a path. Throws std::runtime_error when it can't be started.
  explicit Child(const std::vector<std::string>& command);
  /// Kills it.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool is_running();
  /// Kills it unless it ended by itself. The way it ended, as wait(2) says.
  int stop();

  int socket() const { return socket_.get(); }
  /// What it prints, output and errors alike; -1 once it has closed both.
  int printed() const { return printed_.get(); }
  /// Reads what it has printed; keeps the end of it.
  void collect();
  const std::string& last_words() const { return last_words_; }

 private:
  void start(const std::vector<std::string>& command, int socket, int printed);

  std::string temporary_folder_;
  Descriptor socket_;
  Descriptor printed_;
  std::string last_words_;
  pid_t pid_ = -1;  // -1 once it is reaped
  int status_ = 0;
};

}  // namespace pdf
