// The program that a plugin runs in. It links what a host needs and nothing else, so that a runtime with many
// plugins starts soon and takes little memory.
#include <cstdio>

#include "base/version.hpp"
#include "host/plugin_host.hpp"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("sluice-host is started by sluice, once for each process of a plugin; it is no command\n",
               stderr);
    return 64;
  }
  if (argv[2] != sluice::base::version()) {
    std::fprintf(stderr,
                 "this is the sluice-host of version %.*s, and sluice is %s: install both of one version\n",
                 static_cast<int>(sluice::base::version().size()), sluice::base::version().data(), argv[2]);
    return 64;
  }
  return sluice::host::run_plugin_host();
}
