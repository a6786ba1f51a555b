// A secret in the configuration or in a file.
#pragma once

#include <string>

namespace email {

struct Secret {
  std::string text;
  std::string file;  // instead of text; read each time, so that it can be changed

  bool is_set() const { return !text.empty() || !file.empty(); }
  /// The text, or the file's first line. Throws Trouble("password-file") if that can't be read or is empty.
  std::string get() const;
};

}  // namespace email
