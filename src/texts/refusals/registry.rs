//! Refusals 6xx: the directory.

use super::pages;

pages! {
    AGENCY_EXISTS
    vi
        "Cơ quan này đã được đăng ký."
        "Danh bạ đã có mã định danh này, ở dạng 13 ký tự hoặc dạng QĐ 20/2020."
        "registerAgency với H53.13 khi đã có 000.00.13.H53."
        "Không cần đăng ký lại; dùng mã đã có."
    en
        "This agency is registered already."
        "The directory has this code, in the 13-character form or that of QĐ 20/2020."
        "registerAgency with H53.13 where 000.00.13.H53 exists."
        "Nothing is to be done; use the code that exists.";
    AGENCY_UNKNOWN
    vi
        "Danh bạ không có cơ quan này."
        "Mã cần xóa, khóa hoặc tra cứu chưa được đăng ký."
        "deleteAgency với một mã gõ nhầm."
        "Kiểm tra mã bằng getAgenciesList."
    en
        "The directory has no such agency."
        "The code to be removed, locked or looked up is not registered."
        "deleteAgency with a mistyped code."
        "Check the code with getAgenciesList.";
    AGENCY_NOT_BELOW_YOURS
    vi
        "Chỉ được đăng ký cơ quan trực thuộc mình."
        "Mã mới không nằm dưới mã của thành viên đang gọi."
        "Thành viên H53 đăng ký mã H41.02."
        "Để cơ quan cấp trên của đơn vị đó đăng ký."
    en
        "Only agencies below your own can be registered."
        "The new code is not below a code of the calling member."
        "The member of H53 registers the code H41.02."
        "Let the agency above that unit register it.";
    CODE_INVALID
    vi
        "Mã định danh không đúng dạng."
        "Mã phải có dạng 13 ký tự (000.00.13.H53) hoặc dạng QĐ 20/2020 (H53.13), chỉ gồm chữ, số \
         và dấu chấm."
        "Mã là H53..13 hoặc SỞ-TTTT."
        "Sửa mã theo một trong hai dạng."
    en
        "The agency code is not well formed."
        "A code has 13 characters (000.00.13.H53) or the form of QĐ 20/2020 (H53.13): letters, \
         digits and dots."
        "The code is H53..13 or SỞ-TTTT."
        "Write the code in one of the two forms.";
    SERVICE_UNKNOWN
    vi
        "Không có dịch vụ này."
        "Danh mục dịch vụ của nền tảng không có mã này, hoặc nơi đặt dịch vụ không phải là nền tảng của tô-pô."
        "Cấp quyền cho VN:GOV:G06:DMDC/dmcd trong khi dịch vụ tên là dmdc."
        "Xem mã đúng bằng lệnh lienthong services."
    en
        "There is no such service."
        "The platform's service catalogue has no such id, or its home is no platform of the topology."
        "A grant for VN:GOV:G06:DMDC/dmcd where the service is called dmdc."
        "Look the id up with lienthong services.";
    SERVICE_INVALID
    vi
        "Nội dung đăng ký dịch vụ không hợp lệ."
        "Một trường của bản đăng ký, quyền hay trạng thái không đọc được."
        "Quyền cấp cho `sở nội vụ`, không phải một mã định danh."
        "Sửa trường được nêu rồi gửi lại."
    en
        "What is to be registered of a service is not valid."
        "A field of the registration, a right or a state cannot be read."
        "A right for `sở nội vụ`, which is no agency code."
        "Correct the field that is named and send again.";
}
