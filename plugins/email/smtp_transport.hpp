// Sends mails to one server over SMTP with libcurl. The connection is kept between mails.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "smtp_outcome.hpp"
#include "transport.hpp"

namespace email {

class SmtpTransport : public Transport {
 public:
  /// `config` and `tokens` must outlive the transport. Without OAuth2, `tokens` is null.
  SmtpTransport(const SmtpConfig& config, AccessTokens* tokens);
  ~SmtpTransport() override;
  sluice::Result send(const Mail& mail, const sluice::Job& job, Receipt& receipt) override;

 private:
  using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
  using Time = std::chrono::steady_clock::time_point;

  template <class Value>
  void set(CURLoption option, Value value);
  void set_server(Time end);
  void set_login();
  Attempt attempt(const Mail& mail, const sluice::Job& job, Time end, bool on_new_connection);
  Attempt attempt_by_any_login(const Mail& mail, const sluice::Job& job);
  bool lost_idle_connection(const Attempt& attempt) const;
  bool may_log_in_otherwise(const Attempt& attempt);

  const SmtpConfig& config_;
  AccessTokens* const tokens_;
  const std::string url_;            // with the name for EHLO as its path, as libcurl requires
  std::vector<std::string> logins_;  // SASL mechanisms that the server has not refused
  bool has_logged_in_ = false;       // by one of logins_
  std::string token_;                // of the last attempt to log in
  Handle curl_;
};

}  // namespace email
