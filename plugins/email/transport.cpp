#include "transport.hpp"

#include "file_transport.hpp"
#include "smtp_transport.hpp"

namespace email {

std::unique_ptr<Transport> make_transport(const Config& config, AccessTokens* tokens) {
  if (config.smtp) return std::make_unique<SmtpTransport>(*config.smtp, tokens);
  return std::make_unique<FileTransport>(config.directory);
}

}  // namespace email
