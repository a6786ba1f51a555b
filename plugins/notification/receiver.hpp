// A webhook's receiver, over HTTP with libcurl. The connection is kept between requests. Not thread-safe.
#pragma once

#include <cstdint>
#include <sluice/job.hpp>
#include <string>

#include "../common/curl.hpp"
#include "webhook_config.hpp"

namespace notification {

struct Delivery {
  std::string id;
  std::int64_t timestamp = 0;  // seconds since 1970
  std::string signatures;
  std::string body;
};

struct Answer {
  CURLcode code = CURLE_OK;
  std::string error;        // libcurl's message
  long status = 0;          // 0: no status was received
  std::string body;         // its first bytes
  std::string retry_after;  // the header as received
};

class Receiver {
 public:
  /// `endpoint` must outlive the receiver.
  explicit Receiver(const Endpoint& endpoint);

  /// Stops if `job` is cancelled.
  Answer post(const Delivery& delivery, const sluice::Job& job);

 private:
  template <class Value>
  void set(CURLoption option, Value value);
  void set_server();

  const Endpoint& endpoint_;
  const common::CurlHandle curl_;
};

}  // namespace notification
