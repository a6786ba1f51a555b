// The files of examples/ and plugin-api/ that `sluice plugin new` makes projects of, built into the program
// so that what it makes is what the tests have built. The definition is made by runtime/embed_files.cmake.
#pragma once

#include <span>
#include <string_view>

namespace sluice::cli {

struct ExampleFile {
  std::string_view path;  ///< "examples/hello-plugin/hello.cpp"
  std::string_view text;
};

std::span<const ExampleFile> example_files();

}  // namespace sluice::cli
