#include "http/inquiry.hpp"

#include <httplib.h>

namespace sluice::http {

Answer ask(const base::Address& address, const std::string& path, std::chrono::milliseconds patience) {
  httplib::Client client(address.host, address.port);
  client.set_connection_timeout(patience);
  client.set_read_timeout(patience);
  client.set_write_timeout(patience);
  const httplib::Result result = client.Get(path);
  if (result) return {result->status, result->body, ""};
  if (result.error() == httplib::Error::Connection) return {0, "", "nobody answers there"};
  return {0, "", "no answer came (" + httplib::to_string(result.error()) + ")"};
}

}  // namespace sluice::http
