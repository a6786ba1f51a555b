// sluice version.
#include <sluice/plugin.h>

#include <iostream>

#include "base/version.hpp"
#include "cli/command.hpp"

namespace sluice::cli {

std::string version_text() {
  return "sluice " + std::string(base::version()) + ", plugin ABI " + std::to_string(SLUICE_ABI_MAJOR) + "." +
         std::to_string(SLUICE_ABI_MINOR);
}

void add_version(const Command& program, int& code) {
  program.add_subcommand("version", "Print the versions of sluice and of the plugin ABI").callback([&] {
    std::cout << version_text() << "\n";
    code = ExitCode::ok;
  });
}

}  // namespace sluice::cli
