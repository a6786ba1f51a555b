// The files of examples/ and plugin-api/ from which `sluice plugin new` creates projects. They are built into
// the program, so a new project is what the tests have built. runtime/embed_files.cmake writes the
// definition.
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
