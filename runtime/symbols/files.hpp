// What is known about addresses in ELF files: functions, inlined functions, source files and lines.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

struct Dwfl;
struct Dwfl_Module;

namespace sluice::symbols {

class File {
 public:
  /// `place`: where the file is opened.
  File(std::string path, const std::string& place);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// "hello::greet(sluice::Job&) at hello.cpp:12 in libhello.so", the innermost inlined function first. Never
  /// empty.
  std::vector<std::string> frames(std::uint64_t offset);
  /// What was missing for a frame, and what helps; empty if nothing, or if the file belongs to the system.
  std::string missing() const;

 private:
  std::vector<std::string> debug_frames(std::uint64_t offset);
  std::string symbol_frame(std::uint64_t offset);

  const std::string path_;
  const std::string name_;  // without its folders
  ::Dwfl* dwfl_ = nullptr;
  Dwfl_Module* module_ = nullptr;  // null: it can't be read
  bool lacks_lines_ = false;
};

class Files {
 public:
  /// The file that was at `path` is at `place` by now.
  void add(const std::string& path, const std::string& place);
  File& at(const std::string& path);
  std::vector<std::string> missing() const;

 private:
  std::map<std::string, std::unique_ptr<File>> files_;
};

/// A name as people write it, of C++ and of Rust; others as they are.
std::string readable(const std::string& symbol);

}  // namespace sluice::symbols
