// The dashboard: answers every request of the HTTP server that is not for health or metrics. Pages are for
// people, /api/v1 has the same as JSON.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "dashboard/access.hpp"
#include "dashboard/operations.hpp"
#include "dashboard/pages.hpp"
#include "dashboard/reloads.hpp"
#include "dashboard/services.hpp"
#include "dashboard/sessions.hpp"
#include "http/server.hpp"

namespace sluice::dashboard {

struct Endpoint;
struct Route;
class InvalidForm;

struct SiteOptions {
  Access::Options access;
  std::string base_path;
  bool secure = false;  ///< served over TLS
  /// The JSON pointers of values that nobody sees, by the job's type.
  std::function<std::vector<std::string>(const std::string& type)> redacts;
  Services services;
};

/// Any thread.
class Site {
 public:
  Site(Sources sources, SiteOptions options);

  http::Page answer(const http::Request& request);
  /// No question to the database continues beyond `when`.
  void limit(base::Clock::time_point when) { sessions_.limit(when); }
  /// A server-sent event with the state of page Now.
  std::string event();

 private:
  struct Visit;

  std::string prefix_of(const http::Request& request) const;
  http::Page serve(const http::Request& request, const std::string& prefix, const std::string& path);
  http::Page log_in(const http::Request& request, const std::string& prefix);
  http::Page show(const Visit& visit, const Endpoint& endpoint);
  http::Page change(const Visit& visit, const Endpoint& endpoint);
  http::Page failure(const Visit& visit, int status, const std::string& why) const;
  std::string act(const Visit& visit, const Form& form);
  std::string change_type(const Visit& visit, const Form& form);
  std::string enqueue(const Visit& visit, const Form& form);
  std::string change_jobs(const Visit& visit, const std::string& action, const std::vector<std::string>& ids);
  std::string change_job(const Visit& visit, const std::string& action, const std::string& id);
  std::vector<store::Changed> changed_by(const Visit& visit, const std::string& action,
                                         const std::vector<std::string>& ids);
  std::string reload(const Visit& visit, const Form& form);
  std::string drain(const Visit& visit, const Form& form);
  http::Page take_home(const Visit& visit);
  http::Page events(const Visit& visit) const;
  Inquiry inquiry_of(const Visit& visit, Session& session, const Form& form) const;
  http::Page page_of(const Visit& visit, const Route& route, Model model, int status) const;
  http::Page show_form_again(const Visit& visit, const Form& form, const InvalidForm& wrong);
  std::string start_operation(const Visit& visit, const Form& form);
  /// For changes by the visitor.
  std::unique_ptr<store::JobDesk> desk_of(const Visit& visit) const;
  static store::Actor actor_of(const Visit& visit);
  http::Page html(const Visit& visit, const std::string& page, const Model& model, int status = 200) const;

  Sessions sessions_;
  const SiteOptions options_;
  Access access_;
  Operations operations_;
  Reloads reloads_;  // last, because its thread uses the services
};

}  // namespace sluice::dashboard
